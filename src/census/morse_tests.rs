use super::*;

fn cell(orbit: usize, rank: usize, copies: u128, index: u64, slope: u64) -> Cell {
    Cell { orbit, rank, copies: Ok(copies), index: Ok(index), slope: Ok(slope) }
}

fn names(cells: &[Cell], width: usize) -> Vec<&'static str> {
    check(cells, width).iter().map(|check| check.finding.name()).collect()
}

#[test]
fn polynomials_of_stiefel_manifolds() {
    assert_eq!(stiefel(0, 3).unwrap(), [1]);
    // Two points, a circle, a sphere.
    assert_eq!(stiefel(1, 1).unwrap(), [2]);
    assert_eq!(stiefel(1, 2).unwrap(), [1, 1]);
    assert_eq!(stiefel(1, 3).unwrap(), [1, 0, 1]);
    // O(2): two circles. V_2(R³) = SO(3): the projective space of dimension 3. O(3): twice that.
    assert_eq!(stiefel(2, 2).unwrap(), [2, 2]);
    assert_eq!(stiefel(2, 3).unwrap(), [1, 1, 1, 1]);
    assert_eq!(stiefel(3, 3).unwrap(), [2, 2, 2, 2]);
    for (rank, width) in [(2, 5), (3, 4), (4, 4)] {
        let dimension = crate::model::orbit_dimension(rank, width);
        let polynomial = stiefel(rank, width).unwrap();
        assert_eq!(polynomial.len(), dimension + 1);
        // Poincaré duality.
        assert!(polynomial.iter().eq(polynomial.iter().rev()));
    }
}

/// W = H = 0 and the minimum: t^w + 1 + t^{w−1} = 1 + (1 + t) t^{w−1}.
#[test]
fn two_classes_are_consistent_at_every_width() {
    let cells = [cell(0, 0, 1, 0, 1), cell(1, 1, 1, 0, 0)];
    let checks = check(&cells, 6);
    assert!(checks.iter().all(|check| check.finding == Finding::Consistent));
    assert_eq!(checks[2].critical, [1, 0, 1, 1]);
    assert_eq!(checks[2].quotient, Some(vec![0, 0, 1]));
    assert_eq!(summary(&checks), Finding::Consistent);
}

/// Every number of a consistent census matters at some width.
#[test]
fn planted_faults_are_found() {
    let whole = [cell(0, 0, 1, 0, 2), cell(1, 1, 3, 0, 1), cell(2, 1, 3, 1, 1), cell(3, 2, 1, 0, 0)];
    assert_eq!(names(&whole, 4), ["consistent"; 4]);
    for missing in 0..whole.len() {
        let mut cells = whole.to_vec();
        cells.remove(missing);
        assert_eq!(summary(&check(&cells, 4)).name(), "violated", "without orbit {missing}");
    }
    for at in 0..whole.len() {
        for plant in 0..3 {
            let mut cells = whole.to_vec();
            match plant {
                0 => cells[at].copies = Ok(cells[at].copies.clone().unwrap() + 1),
                1 => cells[at].index = Ok(cells[at].index.clone().unwrap() + 1),
                _ => cells[at].slope = Ok(cells[at].slope.clone().unwrap() + 1),
            }
            assert_eq!(summary(&check(&cells, 4)).name(), "violated", "orbit {at}, plant {plant}");
        }
    }
}

#[test]
fn what_is_not_known_to_be_nondegenerate_is_not_judged() {
    let mut cells = vec![cell(0, 0, 1, 0, 1), cell(1, 1, 1, 0, 0), cell(2, 2, 1, 0, 0)];
    cells[2].index = Err("orbit 2 is degenerate".into());
    let checks = check(&cells, 3);
    assert_eq!(
        checks.iter().map(|check| check.finding.name()).collect::<Vec<_>>(),
        ["consistent", "does-not-apply", "does-not-apply"]
    );
    assert_eq!(checks[1].finding.reason(), "orbit 2 is degenerate");
    // Nondegenerate at its own width alone.
    cells[2] = cell(2, 1, 2, 1, 0);
    cells[2].slope = Err("σ = μ".into());
    assert_eq!(names(&cells, 2), ["violated", "does-not-apply"]);
    assert_eq!(check(&[], 1)[0].finding.name(), "does-not-apply");
    // Numbers that no integer holds.
    let mut cells = vec![cell(0, 0, u128::MAX, 0, 1)];
    assert_eq!(names(&cells, 1), ["does-not-apply"]);
    cells[0] = cell(0, 0, 1, u64::MAX / 4, 1);
    assert_eq!(names(&cells, 1), ["does-not-apply"]);
}

#[test]
fn the_euler_number_is_told() {
    let checks = check(&[cell(0, 0, 1, 2, 0), cell(1, 1, 1, 0, 0)], 1);
    assert_eq!(checks[0].critical, [2, 0, 1]);
    assert_eq!(checks[0].finding, Finding::Violated("at width 1 M(−1) = 3, not 1".into()));
    assert_eq!(checks[0].quotient, None);
}
