//! Which runs of leaves a root or a proof consists of (RFC 9162, 2.1.3.1 and 2.1.4.1), and the complete subtrees in them.

/// Leaves `from..to`, a subtree of the tree: `from` is a multiple of the greatest power of two that is at most its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// A complete subtree of `2^height` leaves, the `index`-th of them from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) height: u32,
    pub(crate) index: u64,
}

impl Span {
    /// The complete subtrees that it consists of, greatest first.
    pub(crate) fn nodes(self) -> Vec<Node> {
        let (mut from, mut nodes) = (self.from, Vec::new());
        while let Some(height) = self.to.checked_sub(from).and_then(u64::checked_ilog2) {
            nodes.push(Node { height, index: from >> height });
            from += 1 << height;
        }
        nodes
    }

    /// Where RFC 6962 splits it: after the greatest power of two below its length. `None` for less than two leaves.
    fn middle(self) -> Option<u64> {
        let below = self.to.checked_sub(self.from)?.checked_sub(1)?;
        below.checked_ilog2().map(|height| self.from + (1 << height))
    }
}

/// The audit path of a leaf, from the leaf upwards. `index` is below `size`.
pub(crate) fn inclusion(index: u64, size: u64) -> Vec<Span> {
    let (mut span, mut path) = (Span { from: 0, to: size }, Vec::new());
    while let Some(middle) = span.middle() {
        let (left, right) = (Span { to: middle, ..span }, Span { from: middle, ..span });
        let (inside, beside) = if index < middle { (left, right) } else { (right, left) };
        path.push(beside);
        span = inside;
    }
    path.reverse();
    path
}

/// The proof that the first `from` leaves of a tree of `to` are the older tree. `from` is 1 to `to`.
pub(crate) fn consistency(from: u64, to: u64) -> Vec<Span> {
    let (mut span, mut path, mut known) = (Span { from: 0, to }, Vec::new(), true);
    while span.to != from {
        let Some(middle) = span.middle() else { break };
        let (left, right) = (Span { to: middle, ..span }, Span { from: middle, ..span });
        if from <= middle {
            path.push(right);
            span = left;
        } else {
            path.push(left);
            (span, known) = (right, false);
        }
    }
    if !known {
        path.push(span);
    }
    path.reverse();
    path
}
