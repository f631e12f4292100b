//! Roles in a space, and audiences: which roles may see a document.

use serde::{Deserialize, Serialize};

/// A member's role in a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the wedding: decides conflicts, manages members.
    Lead,
    /// Works the day on site.
    Coordinator,
    /// Shoots it.
    Photographer,
    /// Supplies something.
    Vendor,
    /// Gets married.
    Couple,
    /// Reads only.
    Viewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] = [Self::Lead, Self::Coordinator, Self::Photographer, Self::Vendor, Self::Couple, Self::Viewer];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Coordinator => "coordinator",
            Self::Photographer => "photographer",
            Self::Vendor => "vendor",
            Self::Couple => "couple",
            Self::Viewer => "viewer",
        }
    }

    /// Reads the name on the wire.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether the role may send operations and answer conflicts.
    #[must_use]
    pub const fn may_write(self) -> bool {
        !matches!(self, Self::Viewer)
    }

    /// Whether the role may manage the space and its members.
    #[must_use]
    pub const fn may_manage(self) -> bool {
        matches!(self, Self::Lead)
    }

    /// Whether the role may read values of a sensitivity: 0 and 1 (workspace, personal contact data) everybody; 2 (health,
    /// religion, family) those who answer for the guests on the day, and the couple; 3 (money, legal, secrets) a lead.
    /// Whoever owns a value reads it whatever their role.
    #[must_use]
    pub const fn may_read(self, sensitivity: u8) -> bool {
        match sensitivity {
            0 | 1 => true,
            2 => matches!(self, Self::Lead | Self::Coordinator | Self::Couple),
            _ => matches!(self, Self::Lead),
        }
    }

    const fn bit(self) -> i32 {
        match self {
            Self::Lead => 1,
            Self::Coordinator => 2,
            Self::Photographer => 4,
            Self::Vendor => 8,
            Self::Couple => 16,
            Self::Viewer => 32,
        }
    }
}

/// A set of roles as stored with each document: a bit a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Audience(i32);

impl Audience {
    /// Every role.
    pub const EVERYONE: Self = Self(63);

    /// These roles.
    pub fn of(roles: impl IntoIterator<Item = Role>) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | role.bit()))
    }

    /// The stored form.
    #[must_use]
    pub const fn bits(self) -> i32 {
        self.0
    }

    /// From the stored form; unknown bits are dropped.
    #[must_use]
    pub const fn from_bits(bits: i32) -> Self {
        Self(bits & 63)
    }

    /// Whether the role is in the set.
    #[must_use]
    pub const fn includes(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// The roles of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn who_reads_what() {
        let readers = |sensitivity| Role::ALL.into_iter().filter(|role| role.may_read(sensitivity)).collect::<Vec<_>>();
        assert_eq!((readers(0).len(), readers(1).len()), (6, 6));
        assert_eq!(readers(2), [Role::Lead, Role::Coordinator, Role::Couple]);
        assert_eq!((readers(3), readers(9)), (vec![Role::Lead], vec![Role::Lead]), "what is not known is kept like a secret");
    }
}
