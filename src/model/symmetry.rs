//! The symmetry group O(d) × permutations, and its orbits.
