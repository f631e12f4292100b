//! Which of several things goes first, when some need others. A node is a number, `edges[node]` are the nodes that it
//! needs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub(crate) type Edges = Vec<Vec<usize>>;

/// The nodes that lie on a circle, or between two: what is left when all that can go first, and all that nobody
/// needs, is taken away. Linear.
pub(crate) fn circular(edges: &Edges) -> Vec<bool> {
    let needing = reversed(edges);
    let mut left = vec![true; edges.len()];
    peel(&mut left, edges, &needing);
    peel(&mut left, &needing, edges);
    left
}

/// Takes away, again and again, every node without edges that are left.
fn peel(left: &mut [bool], edges: &Edges, reverse: &Edges) {
    let among = |nodes: &[usize], left: &[bool]| nodes.iter().filter(|node| left.get(**node).copied().unwrap_or(false)).count();
    let mut open: Vec<usize> = edges.iter().map(|needed| among(needed, left)).collect();
    let mut free: Vec<usize> = (0..edges.len()).filter(|node| left.get(*node) == Some(&true) && open.get(*node) == Some(&0)).collect();
    while let Some(node) = free.pop() {
        if let Some(slot) = left.get_mut(node) {
            *slot = false;
        }
        for other in reverse.get(node).into_iter().flatten() {
            let Some(count) = open.get_mut(*other).filter(|_| left.get(*other) == Some(&true)) else { continue };
            *count -= 1;
            if *count == 0 {
                free.push(*other);
            }
        }
    }
}

fn reversed(edges: &Edges) -> Edges {
    let mut reverse: Edges = vec![Vec::new(); edges.len()];
    for (node, needed) in edges.iter().enumerate() {
        for other in needed {
            if let Some(list) = reverse.get_mut(*other) {
                list.push(node);
            }
        }
    }
    reverse
}

/// Adds wishes (a node, and one that should go before it), but for those that would close a circle.
pub(crate) fn add_where_possible(edges: &mut Edges, wishes: impl IntoIterator<Item = (usize, usize)>) {
    // as long as everything needs only what has a lower number, nothing can close a circle
    let mut forward = edges.iter().enumerate().any(|(node, needed)| needed.iter().any(|other| *other > node));
    for (node, earlier) in wishes {
        forward |= earlier > node;
        if node == earlier || (forward && reaches(edges, earlier, node)) {
            continue;
        }
        if let Some(needed) = edges.get_mut(node).filter(|needed| !needed.contains(&earlier)) {
            needed.push(earlier);
        }
    }
}

fn reaches(edges: &Edges, from: usize, to: usize) -> bool {
    let mut seen = vec![false; edges.len()];
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        if node == to {
            return true;
        }
        if let Some(slot) = seen.get_mut(node).filter(|slot| !**slot) {
            *slot = true;
            open.extend(edges.get(node).into_iter().flatten());
        }
    }
    false
}

/// Needed nodes first, otherwise by number (Kahn's algorithm with a heap). Nodes of a circle are left out.
pub(crate) fn sorted(edges: &Edges) -> Vec<usize> {
    let needing = reversed(edges);
    let mut open: Vec<usize> = edges.iter().map(Vec::len).collect();
    let mut ready: BinaryHeap<Reverse<usize>> =
        open.iter().enumerate().filter(|(_, count)| **count == 0).map(|(node, _)| Reverse(node)).collect();
    let mut order = Vec::with_capacity(edges.len());
    while let Some(Reverse(node)) = ready.pop() {
        order.push(node);
        for other in needing.get(node).into_iter().flatten() {
            if let Some(count) = open.get_mut(*other) {
                *count -= 1;
                if *count == 0 {
                    ready.push(Reverse(*other));
                }
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_circles_are_circular() {
        for (edges, circles) in [
            (vec![vec![], vec![0], vec![1]], ""),
            (vec![vec![0]], "0"),
            (vec![vec![1], vec![0], vec![1], vec![]], "01"),
            (vec![vec![2], vec![0], vec![1], vec![2], vec![3]], "012"),
        ] {
            let found: String = circular(&edges).iter().enumerate().filter(|(_, on)| **on).map(|(node, _)| node.to_string()).collect();
            assert_eq!(found, circles, "{edges:?}");
        }
    }

    #[test]
    fn needs_go_first_and_wishes_give_way() {
        let mut edges = vec![vec![2], vec![], vec![], vec![]];
        add_where_possible(&mut edges, [(2, 0), (2, 1), (3, 2)]);
        assert_eq!(sorted(&edges), [1, 2, 0, 3]);
    }

    #[test]
    fn a_chain_of_many_is_linear() {
        let edges: Edges = (0..100_000_usize).map(|node| node.checked_sub(1).into_iter().collect()).collect();
        assert!(circular(&edges).iter().all(|on| !on));
        assert_eq!(sorted(&edges).len(), edges.len());
    }
}
