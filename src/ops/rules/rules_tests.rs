//! The built-in set is whole, and every fault of a file is named.

use super::*;

/// The built-in set with one file changed; the problems as lines.
fn problems_with(file: &str, change: impl Fn(&str) -> String) -> Vec<String> {
    let supports = BUILTIN.iter().map(|(name, _)| (*name).to_owned()).filter(|name| name.starts_with(SUPPORT)).collect();
    let set = read_set(Ok(supports), |name| {
        let (_, text) = BUILTIN.iter().find(|(known, _)| *known == name).unwrap();
        Ok(if name == file { change(text) } else { (*text).to_owned() })
    });
    set.err().map(|error| error.to_string().lines().map(ToOwned::to_owned).collect()).unwrap_or_default()
}

#[test]
fn the_built_in_set_is_taken() {
    let tables = builtin().unwrap();
    assert!(!tables.version.is_empty());
    assert_eq!((tables.benefits.len(), tables.overrides.len(), tables.classes.len()), (5, 2, 2));
    let dong: Vec<_> = tables.salaries.iter().map(|row| (row.term.valid_from.to_string(), row.dong)).collect();
    assert_eq!(dong, [("2024-07-01".to_owned(), 2_340_000), ("2026-07-01".to_owned(), 2_530_000)]);
    assert_eq!((&*tables.renewals[0].remind_days, tables.renewals[0].warn_days), (&[60, 30, 7][..], 60));
    let paid_by: Vec<_> = tables.supports.iter().map(|row| row.province.as_str()).collect();
    assert_eq!(paid_by, ["22", "22", "31", "31", "31", "31", "31"]);
}

#[test]
fn the_folder_holds_the_built_in_set_and_nothing_else() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rules");
    assert_eq!(load(&folder).unwrap().version, builtin().unwrap().version);
    let names = |folder: &Path| -> Vec<String> {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let mut files: Vec<_> = names(&folder).into_iter().filter(|name| name != SUPPORT).collect();
    files.extend(names(&folder.join(SUPPORT)).into_iter().map(|name| format!("{SUPPORT}/{name}")));
    let mut known = BUILTIN.map(|(name, _)| name.to_owned()).to_vec();
    files.sort();
    known.sort();
    assert_eq!(files, known);
}

/// What is replaced by what in which file, and what must come out.
const FAULTS: &[(&str, &str, &str, &str)] = &[
    ("rules.toml", "version = \"2026", "version = \"\" # \"2026", "rules.toml: version is empty"),
    ("rules.toml", "version =", "name =", "rules.toml: unknown field `name`, expected `version`"),
    (
        "base_salary.toml",
        "dong = 2_530_000",
        "dong = 2_530_000\ndecree = 161",
        "base_salary.toml, row 2: unknown field `decree`, expected `dong` or `small_visit_percent`",
    ),
    ("base_salary.toml", "dong = 2_530_000\n", "", "base_salary.toml, row 2: missing field `dong`"),
    ("base_salary.toml", "dong = 2_530_000", "dong = 0", "base_salary.toml, row 2: dong is not a salary"),
    (
        "base_salary.toml",
        "valid_from = 2026-07-01",
        "valid_from = 2026-07-01\nvalid_until = 2026-06-30",
        "base_salary.toml, row 2: valid_until 2026-06-30 is before valid_from 2026-07-01",
    ),
    (
        "base_salary.toml",
        "valid_until = 2026-06-30\n",
        "",
        "base_salary.toml, row 2: holds on 2026-07-01 together with row 1, which is about the same",
    ),
    (
        "base_salary.toml",
        "valid_from = 2026-07-01",
        "valid_from = 2026-07-01T00:00:00Z",
        "base_salary.toml, row 2: valid_from is not a day",
    ),
    (
        "benefit_overrides.toml",
        "group = \"LH\"\nprinted = 4",
        "group = \"CN\"\nprinted = 3",
        "benefit_overrides.toml, row 2: holds on 2026-01-01 together with row 1, which is about the same",
    ),
    ("benefit_overrides.toml", "group = \"LH\"", "group = \"L\"", "benefit_overrides.toml, row 2: group is not of the right form (shape)"),
    (
        "benefit_overrides.toml",
        "printed = 4",
        "printed = 6",
        "benefit_overrides.toml, row 2: printed is not of the right form (unknown_code)",
    ),
    (
        "benefit_overrides.toml",
        "valid_from = 2026-01-01\nsource = \"Resolution 261/2025/QH15 (near",
        "valid_from = 2024-01-01\nsource = \"Resolution 261/2025/QH15 (near",
        "benefit_overrides.toml, row 1: benefit code 2 has no row on 2024-01-01",
    ),
    (
        "benefit_codes.toml",
        "code = 2\nrate_percent = 100",
        "code = 2\nrate_percent = 101",
        "benefit_codes.toml, row 2: rate_percent is not of the right form (unknown_code)",
    ),
    (
        "benefit_codes.toml",
        "code = 2\n",
        "code = 1\n",
        "benefit_codes.toml, row 2: holds on 2025-07-01 together with row 1, which is about the same",
    ),
    (
        "facility_classes.toml",
        "category = \"1.11\"",
        "category = \"1.19\"",
        "facility_classes.toml, row 2: category 1.19 has no row on 2025-07-01",
    ),
    (
        "facility_classes.toml",
        "class = \"other_primary\"",
        "class = \"commune_station\"",
        "facility_classes.toml, row 2: holds on 2025-07-01 together with row 1, which is about the same",
    ),
    ("facility_classes.toml", "[[row]]", "[[line]]", "facility_classes.toml: unknown key `line`\nfacility_classes.toml: no rows"),
    (
        "attendance_categories.toml",
        "valid_until = 2026-06-30\nsource = \"Decision 3276/QĐ-BYT of 2025-10-17, Annex 1, code 1.13\"",
        "valid_until = 2026-07-01\nsource = \"Decision 3276/QĐ-BYT of 2025-10-17, Annex 1, code 1.13\"",
        "attendance_categories.toml, row 11: holds on 2026-07-01 together with row 10, which is about the same",
    ),
    (
        "attendance_categories.toml",
        "code = \"2\"",
        "code = \"emergency\"",
        "attendance_categories.toml, row 19: code is not of the right form (shape)",
    ),
    ("attendance_categories.toml", "name = \"Cấp cứu\"", "name = \" \"", "attendance_categories.toml, row 19: name is empty"),
    ("renewal.toml", "[60, 30, 7]", "[7, 30, 60]", "renewal.toml, row 1: remind_days must be falling, with at least one"),
    ("renewal.toml", "[60, 30, 7]", "[]", "renewal.toml, row 1: remind_days must be falling, with at least one"),
    ("renewal.toml", "gap_days = 90", "gap_days = 0", "renewal.toml, row 1: gap_days must not be 0"),
    ("renewal.toml", "warn_days = 60", "warn_days = 90", "renewal.toml, row 1: warn_days must be below gap_days"),
    ("support/31.toml", "age_below = 75", "age_below = 60", "support/31.toml, row 4: age_below must be above age_from"),
    ("support/31.toml", "age_below = 75\n", "", "support/31.toml, row 4: age_from and age_below belong together"),
    ("support/31.toml", "province = \"31\"", "province = \"HP\"", "support/31.toml: province is not the code that the file is named by"),
    ("support/31.toml", "province = \"31\"", "province = \"30\"", "support/31.toml: province is not the code that the file is named by"),
    ("support/31.toml", "area = \"31\"", "area = \"HP\"", "support/31.toml, row 1: area is not of the right form (shape)"),
    ("support/31.toml", "groups = [\"CN\"]", "groups = []", "support/31.toml, row 5: a row must name ages or groups"),
    ("support/31.toml", "không có lương hưu, trợ", "nhiễm HIV, trợ", "support/31.toml, row 4: vi tells about a person's health"),
    (
        "support/22.toml",
        "confidence = \"medium\"",
        "confidence = \"sure\"",
        "support/22.toml, row 2: unknown variant `sure`, expected one of `high`, `medium`, `low`",
    ),
    ("seasonal.toml", "\"09-30\"", "\"30-09\"", "seasonal.toml, row 1: ends.closing is not a day of every year, as \"09-30\" is"),
    ("seasonal.toml", "\"09-30\"", "\"02-29\"", "seasonal.toml, row 1: ends.closing is not a day of every year, as \"09-30\" is"),
    (
        "seasonal.toml",
        "ends = {",
        "turns = { age = 6, from = \"09-01\", until = \"10-31\" }\nends = {",
        "seasonal.toml, row 1: one of ends and turns must be there",
    ),
    ("seasonal.toml", "until = \"10-31\"", "until = \"07-31\"", "seasonal.toml, row 2: turns.until is before turns.from"),
    ("seasonal.toml", "groups = [\"HS\"]", "groups = []", "seasonal.toml, row 2: groups is empty"),
    ("proofs.toml", "[\"TE\"]", "[\"te\"]", "proofs.toml, row 1: child_groups is not of the right form (shape)"),
];

#[test]
fn each_fault_is_refused_with_its_file_and_row() {
    for (file, replaced, by, problem) in FAULTS {
        let found = problems_with(file, |text| {
            assert!(text.contains(replaced), "{file} no longer holds {replaced}");
            text.replace(replaced, by)
        });
        assert_eq!(found.join("\n"), *problem, "{replaced} => {by}");
    }
}

#[test]
fn an_empty_source_is_refused() {
    let found = problems_with("renewal.toml", |_| {
        "[[row]]\nvalid_from = 2026-01-01\nsource = \" \"\nremind_days = [1]\nwarn_days = 0\ngap_days = 1\nwait_days = 0\ntreatment_days = 0\n".to_owned()
    });
    assert_eq!(found, ["renewal.toml, row 1: source is empty"]);
}

#[test]
fn every_table_needs_a_row() {
    for (file, text) in BUILTIN.iter().filter(|(file, _)| *file != VERSION_FILE) {
        let top = text.lines().find(|line| line.starts_with("province")).unwrap_or_default();
        assert_eq!(problems_with(file, |_| top.to_owned()), [format!("{file}: no rows")]);
    }
}

#[test]
fn all_problems_come_at_once() {
    let found = problems_with("base_salary.toml", |_| {
        "[[row]]\nvalid_from = 2026-01-01\ndong = 1\nsmall_visit_percent = 15\nyear = 1\n[[row]]\nvalid_from = 2026-01-02\nsource = \"law\"\ndong = 1\nsmall_visit_percent = 101\n"
            .to_owned()
    });
    assert_eq!(
        found,
        [
            "base_salary.toml, row 1: missing field `source`",
            "base_salary.toml, row 1: unknown field `year`, expected `dong` or `small_visit_percent`",
            "base_salary.toml, row 2: small_visit_percent is above 100",
        ]
    );
}

#[test]
fn a_file_that_is_no_toml_or_not_there_is_named() {
    let found = problems_with("renewal.toml", |_| "[[row".to_owned());
    assert!(found[0].starts_with("renewal.toml: "), "{found:?}");
    let error = load(Path::new("/nonexistent")).unwrap_err();
    // A folder may be without subsidies, and without anything else it may not.
    assert_eq!(error.problems.len(), BUILTIN.iter().filter(|(name, _)| !name.starts_with(SUPPORT)).count());
    assert!(error.problems.iter().all(|problem| problem.row.is_none() && problem.reason.starts_with("cannot be read")));
}
