//! The page that describes the interface names every operation, and none that there is not.

use purview::api::operations::OPERATIONS;
use std::collections::BTreeSet;

#[test]
fn the_page_about_the_interface_lists_the_operations_that_are_served() {
    let page = include_str!("../../docs/api.md");
    let written: BTreeSet<(String, String, String)> = page
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let method = cells.next().filter(|method| method.chars().all(|c| c.is_ascii_uppercase()))?;
            Some((method.to_owned(), cells.next()?.trim_matches('`').to_owned(), cells.next()?.to_owned()))
        })
        .collect();
    let served: BTreeSet<(String, String, String)> = OPERATIONS
        .iter()
        .map(|operation| {
            let policy = operation.needs.map_or("–".to_owned(), |(resource, action)| format!("{resource} · {action}"));
            (operation.method.to_owned(), operation.path.to_owned(), policy)
        })
        .collect();
    let only = |of: &BTreeSet<_>, not: &BTreeSet<_>| of.difference(not).cloned().collect::<Vec<(String, String, String)>>();
    assert_eq!((only(&served, &written), only(&written, &served)), (Vec::new(), Vec::new()), "served alone, written alone");
    assert_eq!(served.len(), OPERATIONS.len());
}
