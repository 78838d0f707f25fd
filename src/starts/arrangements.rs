//! Ways to tie classes together or put them at the origin, up to exchanges of classes of one size.

use crate::model::Shape;

/// The block of every class; `None`: the class is at the origin.
pub(super) type Arrangement = Vec<Option<usize>>;

/// Classes of each size: largest first, in the order of their numbers.
fn by_size(shape: &Shape) -> Vec<Vec<usize>> {
    let mut sizes = shape.class_sizes().to_vec();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup();
    sizes.iter().map(|&size| (0..shape.classes()).filter(|&class| shape.class_sizes()[class] == size).collect()).collect()
}

/// Every set partition of the classes, one of each kind: for equal classes the partitions of the number K. Few blocks first.
///
/// A kind is a multiset of blocks, a block the numbers of classes that it takes of each size. Blocks are listed in falling lexicographic order, so that none occurs twice. At most
/// `most` are made.
pub(super) fn partitions(shape: &Shape, most: usize) -> Vec<Arrangement> {
    let groups = by_size(shape);
    let left: Vec<usize> = groups.iter().map(Vec::len).collect();
    let mut kinds = Vec::new();
    extend(&left, &left, &mut Vec::new(), &mut kinds, most);
    kinds.sort_by_key(Vec::len);
    kinds.iter().map(|blocks| arrange(shape, &groups, blocks)).collect()
}

/// Adds every way to go on with blocks of at most `bound` until nothing is `left`.
fn extend(left: &[usize], bound: &[usize], blocks: &mut Vec<Vec<usize>>, kinds: &mut Vec<Vec<Vec<usize>>>, most: usize) {
    let Some(first) = left.iter().position(|&n| n > 0) else {
        kinds.push(blocks.clone());
        return;
    };
    let mut block = Some(largest(left, bound));
    // The largest block of what is left holds classes of the first size that is left: below that there is no block to begin with.
    while let Some(taken) = block.filter(|taken| taken[first] > 0 && kinds.len() < most) {
        let rest: Vec<usize> = left.iter().zip(&taken).map(|(left, taken)| left - taken).collect();
        blocks.push(taken.clone());
        extend(&rest, &taken, blocks, kinds, most);
        blocks.pop();
        block = below(&taken, left);
    }
}

/// The counts that come last in lexicographic order among those up to `bound`, each at most `left`.
fn largest(left: &[usize], bound: &[usize]) -> Vec<usize> {
    match left.iter().zip(bound).position(|(left, bound)| left < bound) {
        // Smaller already at this place: everything after it is free.
        Some(at) if left[..at].iter().zip(bound).all(|(left, bound)| left >= bound) => [&bound[..at], &left[at..]].concat(),
        _ => bound.to_vec(),
    }
}

/// The counts before `counts` in lexicographic order, each at most `left`.
fn below(counts: &[usize], left: &[usize]) -> Option<Vec<usize>> {
    let at = counts.iter().rposition(|&n| n > 0)?;
    let mut before = counts.to_vec();
    before[at] -= 1;
    before[at + 1..].copy_from_slice(&left[at + 1..]);
    Some(before)
}

fn arrange(shape: &Shape, groups: &[Vec<usize>], blocks: &[Vec<usize>]) -> Arrangement {
    let mut arrangement = vec![None; shape.classes()];
    let mut members: Vec<_> = groups.iter().map(|group| group.iter()).collect();
    for (block, counts) in blocks.iter().enumerate() {
        for (group, &count) in members.iter_mut().zip(counts) {
            for &class in group.take(count) {
                arrangement[class] = Some(block);
            }
        }
    }
    arrangement
}

/// For every kind of proper, non-empty subset of the classes: these at the origin, every other class a block of its own. At most `most` are made.
pub(super) fn with_origin(shape: &Shape, most: usize) -> Vec<Arrangement> {
    let groups = by_size(shape);
    let all: Vec<usize> = groups.iter().map(Vec::len).collect();
    let mut found = Vec::new();
    let mut counts = below(&all, &all);
    while let Some(centred) = counts {
        counts = below(&centred, &all);
        if centred.iter().all(|&n| n == 0) || found.len() >= most {
            break;
        }
        let mut arrangement: Arrangement = (0..shape.classes()).map(Some).collect();
        for (group, &count) in groups.iter().zip(&centred) {
            group.iter().rev().take(count).for_each(|&class| arrangement[class] = None);
        }
        found.push(arrangement);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(arrangement: &Arrangement) -> Vec<usize> {
        let blocks = arrangement.iter().flatten().max().map_or(0, |last| last + 1);
        (0..blocks).map(|block| arrangement.iter().filter(|&&b| b == Some(block)).count()).collect()
    }

    #[test]
    fn partitions_of_equal_classes_are_partitions_of_their_number() {
        for (classes, number) in [(2, 2), (4, 5), (6, 11), (10, 42), (20, 627)] {
            let found = partitions(&Shape::balanced(classes, 3, 2).unwrap(), usize::MAX);
            assert_eq!(found.len(), number);
            assert!(found.iter().all(|arrangement| arrangement.iter().all(Option::is_some)));
        }
        let four: Vec<Vec<usize>> = partitions(&Shape::balanced(4, 3, 2).unwrap(), usize::MAX).iter().map(sizes).collect();
        assert_eq!(four, [vec![4], vec![3, 1], vec![2, 2], vec![2, 1, 1], vec![1, 1, 1, 1]]);
    }

    #[test]
    fn unequal_classes_are_not_exchanged() {
        // Multiset partitions of {a, a, b}: aab, aa|b, ab|a, a|a|b; of three different classes: the five set partitions.
        let number = |sizes: &[usize]| partitions(&Shape::new(3, sizes).unwrap(), usize::MAX).len();
        assert_eq!(number(&[2, 2, 5]), 4);
        assert_eq!(number(&[1, 2, 3]), 5);
        assert_eq!(number(&[1, 2, 3, 4]), 15);
        assert_eq!(number(&[1, 1, 2, 2]), 9);
        // 15 sizes: Bell(15) is 1382958545, of which the first hundred come at once.
        let sizes: Vec<usize> = (1..=15).collect();
        assert_eq!(partitions(&Shape::new(3, &sizes).unwrap(), 100).len(), 100);
        assert_eq!(number(&[1, 2, 3, 4, 5, 6, 7]), 877);
    }

    #[test]
    fn every_kind_of_subset_is_put_at_the_origin_once() {
        let counts = |sizes: &[usize]| -> Vec<usize> {
            let found = with_origin(&Shape::new(3, sizes).unwrap(), usize::MAX);
            found.iter().map(|arrangement| arrangement.iter().filter(|block| block.is_none()).count()).collect()
        };
        assert_eq!(counts(&[1, 1, 1, 1]), [3, 2, 1]);
        assert_eq!(counts(&[1, 1, 2]), [2, 1, 2, 1]);
    }

    #[test]
    fn the_number_can_be_bounded() {
        assert_eq!(partitions(&Shape::balanced(60, 3, 1).unwrap(), 100).len(), 100);
        assert_eq!(with_origin(&Shape::balanced(60, 3, 1).unwrap(), 10).len(), 10);
    }
}
