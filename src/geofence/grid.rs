//! Boxes by the cells of grids: whatever may hold a point stands in one cell of each grid, and a cell is one look-up.
//!
//! A box goes into the grid whose cells are just not smaller than it, so that it touches at most four of them. Grids that hold nothing
//! are not asked. Boxes wider than the largest cell are few, and stand in an R-tree.

use super::shape::GeoBox;
use crate::model::Point;
use foldhash::fast::RandomState;
use rstar::{AABB, RTree, RTreeObject};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// The grids, by their cells in a degree: from about a hundred metres to 8 degrees. Powers of two, so that a coordinate is scaled exactly.
const CELLS_PER_DEGREE: [f64; GRIDS] = [1024.0, 512.0, 256.0, 128.0, 64.0, 32.0, 16.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.125];
const GRIDS: usize = 14;

/// A box of a part of a form. In `f32`, to be small: rounding keeps the order of numbers, so a point in the box stays in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Leaf {
    lower: [f32; 2],
    upper: [f32; 2],
    pub slot: u32,
    pub part: u32,
}

impl Leaf {
    #[allow(clippy::cast_possible_truncation)]
    pub(super) const fn new(bounds: GeoBox, slot: u32, part: u32) -> Self {
        Self { lower: [bounds.west as f32, bounds.south as f32], upper: [bounds.east as f32, bounds.north as f32], slot, part }
    }

    fn holds(&self, [x, y]: [f32; 2]) -> bool {
        let ([west, south], [east, north]) = (self.lower, self.upper);
        west <= x && x <= east && south <= y && y <= north
    }

    /// The finest grid whose cells are not smaller, and its scale; `None`: it is wider than any.
    fn grid(&self) -> Option<(usize, f64)> {
        let ([west, south], [east, north]) = (self.lower, self.upper);
        let side = (f64::from(east) - f64::from(west)).max(f64::from(north) - f64::from(south));
        CELLS_PER_DEGREE.into_iter().enumerate().find(|(_, scale)| side * scale <= 1.0)
    }

    /// The cells that it touches.
    fn cells(&self, (grid, scale): (usize, f64)) -> impl Iterator<Item = u64> + use<> {
        let ([west, south], [east, north]) = (self.lower, self.upper);
        let rows = along(south, scale)..=along(north, scale);
        (along(west, scale)..=along(east, scale)).flat_map(move |column| rows.clone().map(move |row| key(grid, column, row)))
    }
}

impl RTreeObject for Leaf {
    type Envelope = AABB<[f32; 2]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.lower, self.upper)
    }
}

/// Which column or row of a grid a degree is in.
#[allow(clippy::cast_possible_truncation)]
fn along(degrees: f32, scale: f64) -> i64 {
    (f64::from(degrees) * scale).floor() as i64
}

/// A cell as one number. Columns and rows are at most 2¹⁸ from the middle.
const fn key(grid: usize, column: i64, row: i64) -> u64 {
    const MIDDLE: i64 = 1 << 27;
    ((grid as u64) << 56) | (((column + MIDDLE) as u64) << 28) | (row + MIDDLE) as u64
}

/// Boxes, found by the points in them.
#[derive(Debug, Default)]
pub(super) struct Grid {
    cells: HashMap<u64, Vec<Leaf>, RandomState>,
    /// Boxes in each grid.
    counts: [u32; GRIDS],
    wide: RTree<Leaf>,
}

impl Grid {
    pub(super) fn bulk(leaves: impl Iterator<Item = Leaf>) -> Self {
        let mut grid = Self::default();
        let mut wide = Vec::new();
        for leaf in leaves {
            match leaf.grid() {
                Some(of) => grid.put(leaf, of),
                None => wide.push(leaf),
            }
        }
        grid.wide = RTree::bulk_load(wide);
        grid
    }

    pub(super) fn insert(&mut self, leaf: Leaf) {
        match leaf.grid() {
            Some(of) => self.put(leaf, of),
            None => self.wide.insert(leaf),
        }
    }

    fn put(&mut self, leaf: Leaf, grid: (usize, f64)) {
        leaf.cells(grid).for_each(|cell| self.cells.entry(cell).or_default().push(leaf));
        self.counts[grid.0] += 1;
    }

    pub(super) fn remove(&mut self, leaf: &Leaf) {
        let Some(grid) = leaf.grid() else {
            self.wide.remove(leaf);
            return;
        };
        for cell in leaf.cells(grid) {
            let Some(leaves) = self.cells.get_mut(&cell) else { continue };
            if let Some(at) = leaves.iter().position(|known| known == leaf) {
                leaves.swap_remove(at);
            }
            if leaves.is_empty() {
                self.cells.remove(&cell);
            }
        }
        self.counts[grid.0] -= 1;
    }

    /// Gives the boxes that hold a point.
    pub(super) fn each(&self, point: Point, mut found: impl FnMut(&Leaf)) {
        #[allow(clippy::cast_possible_truncation)]
        let at = [point.longitude as f32, point.latitude as f32];
        let [x, y] = at;
        for (grid, (scale, _)) in CELLS_PER_DEGREE.into_iter().zip(self.counts).enumerate().filter(|(_, (_, count))| *count > 0) {
            if let Some(leaves) = self.cells.get(&key(grid, along(x, scale), along(y, scale))) {
                leaves.iter().filter(|leaf| leaf.holds(at)).for_each(&mut found);
            }
        }
        if self.wide.size() > 0 {
            let _: ControlFlow<()> = self.wide.locate_in_envelope_intersecting_int(AABB::from_point(at), |leaf| {
                found(leaf);
                ControlFlow::Continue(())
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A box of any size from a metre to the world, rolled as the index does it.
    fn any_box() -> impl Strategy<Value = GeoBox> {
        let side = || (-17_i32..9, 0.5..1.0).prop_map(|(power, part): (i32, f64)| f64::from(power).exp2() * part);
        let corner = (prop_oneof![-90.0..90.0_f64, Just(-90.0), Just(0.0)], prop_oneof![-180.0..180.0_f64, Just(-180.0), Just(0.0)]);
        (corner, side(), side()).prop_map(|((south, west), high, wide)| GeoBox {
            south,
            north: (south + high).min(90.0),
            west,
            east: west + wide.min(360.0),
        })
    }

    /// Where in a box, from its south-west corner, and how far beside it.
    fn any_place() -> impl Strategy<Value = (f64, f64, f64)> {
        let part = || prop_oneof![Just(0.0), Just(1.0), 0.0..1.0];
        (part(), part(), prop_oneof![Just(0.0), Just(1e-9), Just(-1e-9)])
    }

    /// A point on, just beside or inside a box.
    fn point_of(bounds: &GeoBox, (x, y, off): (f64, f64, f64)) -> Point {
        let longitude = bounds.west + (bounds.east - bounds.west) * x + off;
        Point { latitude: (bounds.south + (bounds.north - bounds.south) * y).clamp(-90.0, 90.0), longitude: longitude.clamp(-180.0, 180.0) }
    }

    proptest! {
        #[test]
        fn every_box_that_holds_a_point_is_found_whatever_was_edited(
            boxes in prop::collection::vec((any_box(), any::<bool>()), 1..60),
            places in prop::collection::vec((0_usize..60, any_place()), 1..40),
            bulk: bool,
        ) {
            let rolled: Vec<(GeoBox, Leaf, bool)> = boxes.iter().zip(0_u32..).flat_map(|((bounds, stays), slot)| {
                let (first, second) = bounds.rolled();
                std::iter::once(first).chain(second).map(move |b| (b, Leaf::new(b, slot, 0), *stays))
            }).collect();
            let mut grid = if bulk { Grid::bulk(rolled.iter().map(|(_, leaf, _)| *leaf)) } else { Grid::default() };
            if !bulk {
                rolled.iter().for_each(|(_, leaf, _)| grid.insert(*leaf));
            }
            rolled.iter().filter(|(_, _, stays)| !stays).for_each(|(_, leaf, _)| grid.remove(leaf));
            for (which, place) in places {
                let point = point_of(&boxes[which % boxes.len()].0, place);
                let mut found = Vec::new();
                grid.each(point, |leaf| found.push(leaf.slot));
                for (bounds, leaf, stays) in &rolled {
                    let inside = (bounds.south..=bounds.north).contains(&point.latitude)
                        && (bounds.west..=bounds.east).contains(&point.longitude);
                    prop_assert!(!inside || !stays || found.contains(&leaf.slot), "{bounds:?} {point:?}");
                }
                prop_assert!(found.iter().all(|slot| rolled.iter().any(|(_, leaf, stays)| leaf.slot == *slot && *stays)));
            }
        }

        #[test]
        fn nothing_is_left_of_what_was_removed(boxes in prop::collection::vec(any_box(), 1..40)) {
            let leaves: Vec<Leaf> = boxes.iter().zip(0..).map(|(bounds, slot)| Leaf::new(bounds.rolled().0, slot, 0)).collect();
            let mut grid = Grid::bulk(leaves.iter().copied());
            prop_assert!(grid.cells.values().map(Vec::len).sum::<usize>() <= leaves.len() * 4);
            leaves.iter().for_each(|leaf| grid.remove(leaf));
            prop_assert!(grid.cells.is_empty() && grid.wide.size() == 0 && grid.counts == [0; GRIDS]);
        }
    }
}
