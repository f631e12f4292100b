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
