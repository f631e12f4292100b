//! The tables, the same on both databases; a test compares both with this file.

mod door;

pub(crate) use door::{access_tokens, login_tries, oidc_codes, oidc_links, oidc_providers, oidc_used_states, server_keys};

diesel::table! {
    organisations (organisation_id) {
        organisation_id -> Binary,
        name -> Text,
        created_at -> BigInt,
        state -> Text,
        state_since -> Nullable<BigInt>,
        state_by -> Nullable<Binary>,
        state_reason -> Nullable<Binary>,
        unlock_by -> Nullable<Binary>,
        unlock_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    users (user_id) {
        user_id -> Binary,
        organisation_id -> Binary,
        email -> Text,
        name -> Text,
        password_hash -> Text,
        admin -> Bool,
        created_at -> BigInt,
    }
}

diesel::table! {
    devices (device_id) {
        device_id -> Binary,
        organisation_id -> Binary,
        user_id -> Binary,
        name -> Text,
        platform -> Text,
        created_at -> BigInt,
        seen_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        suspended_at -> Nullable<BigInt>,
        suspended_by -> Nullable<Binary>,
        suspended_reason -> Nullable<Binary>,
        wipe_id -> Nullable<Binary>,
        wipe_ordered_at -> Nullable<BigInt>,
        wipe_confirmed_at -> Nullable<BigInt>,
        wipe_left -> Nullable<BigInt>,
    }
}

diesel::table! {
    sessions (session_id) {
        session_id -> Binary,
        organisation_id -> Binary,
        user_id -> Binary,
        device_id -> Binary,
        refresh_hash -> Binary,
        previous_hash -> Nullable<Binary>,
        salt -> Binary,
        rotated_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    spaces (space_id) {
        space_id -> Binary,
        organisation_id -> Binary,
        name -> Text,
        event_date -> Nullable<Text>,
        time_zone -> Nullable<Text>,
        status -> Text,
        schema -> Nullable<Text>,
        created_at -> BigInt,
        settings -> Nullable<Binary>,
    }
}

diesel::table! {
    space_heads (space_id) {
        space_id -> Binary,
        epoch -> Binary,
        head -> BigInt,
        kept_from -> BigInt,
        history_from -> BigInt,
    }
}

diesel::table! {
    members (space_id, user_id) {
        space_id -> Binary,
        user_id -> Binary,
        role -> Text,
        removed_at -> Nullable<BigInt>,
        purge_id -> Nullable<Binary>,
    }
}

diesel::table! {
    documents (space_id, key) {
        space_id -> Binary,
        key -> Text,
        version -> BigInt,
        created -> BigInt,
        live_since -> BigInt,
        deleted -> Bool,
        body -> Binary,
        fields -> Binary,
        by_user_id -> Binary,
        by_device_id -> Binary,
        by_op_id -> Binary,
        changed_at -> BigInt,
        foreign_version -> BigInt,
        audience -> Integer,
        audience_ever -> Integer,
        audience_version -> BigInt,
        open_conflicts -> Integer,
    }
}

diesel::table! {
    changes (space_id, version) {
        space_id -> Binary,
        key -> Text,
        version -> BigInt,
        was_live -> Bool,
        before -> Binary,
        by_user_id -> Binary,
        by_device_id -> Binary,
        by_op_id -> Binary,
        changed_at -> BigInt,
        previous -> BigInt,
    }
}

diesel::table! {
    collection_sums (space_id, collection, audience) {
        space_id -> Binary,
        collection -> Text,
        audience -> Integer,
        documents -> BigInt,
        sum -> BigInt,
    }
}

diesel::table! {
    operations (organisation_id, op_id) {
        organisation_id -> Binary,
        op_id -> Binary,
        identity -> Binary,
        user_id -> Binary,
        device_id -> Binary,
        space_id -> Binary,
        key -> Binary,
        status -> Text,
        decided_version -> Nullable<BigInt>,
        head -> BigInt,
        conflict_id -> Nullable<Binary>,
        decided_at -> BigInt,
        group_id -> Nullable<Binary>,
        problem -> Nullable<Binary>,
        payload -> Binary,
        overlay -> Nullable<Binary>,
        policy_version -> Nullable<Integer>,
        corrected_at -> Nullable<BigInt>,
        decisions -> Nullable<Binary>,
        received_at -> Nullable<BigInt>,
        attempts -> Nullable<Integer>,
    }
}

diesel::table! {
    purges (purge_id, device_id) {
        purge_id -> Binary,
        device_id -> Binary,
        organisation_id -> Binary,
        user_id -> Binary,
        space_id -> Binary,
        purged_at -> Nullable<BigInt>,
        documents -> BigInt,
        assets -> BigInt,
        outbox_left -> BigInt,
        recorded_at -> BigInt,
        receipt -> Text,
    }
}

diesel::table! {
    operation_groups (organisation_id, user_id, group_id) {
        organisation_id -> Binary,
        user_id -> Binary,
        group_id -> Binary,
    }
}

diesel::table! {
    conflict_links (conflict_id, key) {
        conflict_id -> Binary,
        key -> Text,
        organisation_id -> Binary,
        space_id -> Binary,
        open -> Bool,
    }
}

diesel::table! {
    conflicts (conflict_id) {
        conflict_id -> Binary,
        organisation_id -> Binary,
        space_id -> Binary,
        collection -> Text,
        kind -> Text,
        open -> Bool,
        automatic -> Bool,
        asks -> Text,
        ours_by -> Nullable<Binary>,
        theirs_by -> Binary,
        opened_at -> BigInt,
        deadline_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    preferences (organisation_id, scope, context) {
        organisation_id -> Binary,
        scope -> Text,
        context -> Text,
        ours -> BigInt,
        theirs -> BigInt,
        base -> BigInt,
        value -> BigInt,
        last_at -> BigInt,
    }
}

diesel::table! {
    preference_rules (organisation_id, user_id, scope, context) {
        organisation_id -> Binary,
        user_id -> Binary,
        scope -> Text,
        context -> Text,
        choose -> Text,
        since -> BigInt,
    }
}

diesel::table! {
    former_epochs (space_id, epoch) {
        space_id -> Binary,
        epoch -> Binary,
        shared_until -> BigInt,
        ended_at -> BigInt,
    }
}

diesel::table! {
    presented_cursors (space_id, device_id) {
        space_id -> Binary,
        device_id -> Binary,
        user_id -> Binary,
        floor -> BigInt,
        presented_at -> BigInt,
    }
}

diesel::table! {
    graves (space_id, key) {
        space_id -> Binary,
        key -> Text,
        version -> BigInt,
        audience -> Integer,
    }
}

diesel::table! {
    queue_items (op_id, organisation_id) {
        organisation_id -> Binary,
        op_id -> Binary,
        identity -> Binary,
        space_id -> Binary,
        user_id -> Binary,
        device_id -> Binary,
        batch_id -> Binary,
        seq -> BigInt,
        key -> Binary,
        group_id -> Nullable<Binary>,
        lane -> Integer,
        rank -> BigInt,
        state -> Text,
        waits_for -> Nullable<Binary>,
        attempts -> Integer,
        not_before -> Nullable<BigInt>,
        fence -> Nullable<BigInt>,
        size_bytes -> Integer,
        accepted_at -> BigInt,
        code -> Nullable<Text>,
        problem -> Nullable<Binary>,
        payload -> Binary,
        original -> Nullable<Binary>,
        phase -> Text,
    }
}

diesel::table! {
    queue_spaces (space_id) {
        space_id -> Binary,
        organisation_id -> Binary,
        next_seq -> BigInt,
        fence -> BigInt,
        leased_by -> Nullable<Binary>,
        leased_until -> Nullable<BigInt>,
        due_at -> Nullable<BigInt>,
        rank -> BigInt,
        served -> BigInt,
        served_at -> BigInt,
    }
}

diesel::table! {
    queue_batches (batch_id) {
        batch_id -> Binary,
        organisation_id -> Binary,
        user_id -> Binary,
        device_id -> Binary,
        sent_at -> Nullable<BigInt>,
        received_at -> BigInt,
        epochs -> Binary,
        atomic -> Bool,
        state -> Text,
        operations -> BigInt,
        bytes -> BigInt,
        decided -> BigInt,
        decided_bytes -> BigInt,
        finished_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    queue_figures (organisation_id, step_s, at, lane, node_id) {
        organisation_id -> Binary,
        step_s -> Integer,
        at -> BigInt,
        lane -> Integer,
        node_id -> Binary,
        body -> Binary,
    }
}

diesel::table! {
    queue_tasks (task_id) {
        task_id -> Binary,
        organisation_id -> Binary,
        user_id -> Binary,
        created_at -> BigInt,
        step -> BigInt,
        finished_at -> Nullable<BigInt>,
        body -> Binary,
    }
}

diesel::table! {
    device_states (device_id) {
        device_id -> Binary,
        organisation_id -> Binary,
        user_id -> Binary,
        seen_at -> BigInt,
        body -> Binary,
    }
}

diesel::table! {
    tickets (hash) {
        hash -> Binary,
        session_id -> Binary,
        expires_at -> BigInt,
    }
}

diesel::table! {
    audit_records (organisation_id, record_id) {
        organisation_id -> Binary,
        record_id -> Binary,
        space_id -> Nullable<Binary>,
        at -> BigInt,
        action -> Text,
        commitment -> Nullable<Binary>,
        leaf_index -> Nullable<BigInt>,
        salt -> Nullable<Binary>,
        user_id -> Nullable<Binary>,
        device_id -> Nullable<Binary>,
        subject -> Nullable<Binary>,
        reason -> Nullable<Binary>,
        trace -> Nullable<Text>,
        details -> Nullable<Binary>,
    }
}

diesel::table! {
    audit_trees (organisation_id) {
        organisation_id -> Binary,
        size -> BigInt,
    }
}

diesel::table! {
    audit_tiles (organisation_id, level, tile_index) {
        organisation_id -> Binary,
        level -> Integer,
        tile_index -> BigInt,
        hashes -> Binary,
    }
}

diesel::table! {
    audit_checkpoints (organisation_id, size) {
        organisation_id -> Binary,
        size -> BigInt,
        root -> Binary,
        at -> BigInt,
        note -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(access_tokens, sessions, users, devices, organisations);
diesel::allow_tables_to_appear_in_same_query!(organisations, spaces);
diesel::allow_tables_to_appear_in_same_query!(organisations, queue_spaces);
diesel::allow_tables_to_appear_in_same_query!(members, spaces, space_heads);
diesel::allow_tables_to_appear_in_same_query!(presented_cursors, devices);
diesel::allow_tables_to_appear_in_same_query!(operations, conflict_links);
diesel::allow_tables_to_appear_in_same_query!(conflicts, conflict_links);
diesel::allow_tables_to_appear_in_same_query!(queue_items, queue_spaces);
diesel::allow_tables_to_appear_in_same_query!(audit_trees, audit_checkpoints);
diesel::allow_tables_to_appear_in_same_query!(queue_items, devices, queue_batches);
