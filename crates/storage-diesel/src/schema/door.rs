//! The tables of the ways in: tries to log in, providers of identity.

diesel::table! {
    login_tries (key) {
        key -> Binary,
        tries -> Integer,
        tried_at -> BigInt,
        known_until -> Nullable<BigInt>,
        kept_until -> BigInt,
    }
}

diesel::table! {
    access_tokens (hash) {
        hash -> Binary,
        session_id -> Binary,
        expires_at -> BigInt,
    }
}

diesel::table! {
    server_keys (purpose, number) {
        purpose -> Text,
        number -> Integer,
        secret -> Binary,
        created_at -> BigInt,
        retired_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    oidc_providers (name) {
        name -> Text,
        organisation_id -> Binary,
        issuer -> Text,
        client_id -> Text,
        client_secret -> Nullable<Text>,
        public_url -> Text,
        return_to -> Text,
        by_email -> Bool,
        created_at -> BigInt,
    }
}

diesel::table! {
    oidc_codes (hash) {
        hash -> Binary,
        challenge -> Text,
        user_id -> Binary,
        expires_at -> BigInt,
    }
}

diesel::table! {
    oidc_used_states (state_id) {
        state_id -> Binary,
        expires_at -> BigInt,
    }
}

diesel::table! {
    oidc_links (issuer, subject) {
        issuer -> Text,
        subject -> Text,
        organisation_id -> Binary,
        user_id -> Binary,
        linked_at -> BigInt,
    }
}
