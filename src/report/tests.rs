//! The report as a whole: files, damaged input, escaping, several folders.

use super::figures::tests::drawn_elsewhere;
use super::fixture::{bare, quickstart};
use super::*;
use crate::record::Count;

fn saved(dir: &Path) -> RunData {
    let data = quickstart(dir);
    store(&data);
    data
}

fn store(data: &RunData) {
    let line = |text: serde_json::Result<String>| text.unwrap() + "\n";
    let records: String = data.records.iter().map(|record| line(serde_json::to_string(record))).collect();
    let rows: String = data.trajectories.iter().map(|row| line(serde_json::to_string(row))).collect();
    fs::write(data.dir.join("records.jsonl"), records).unwrap();
    fs::write(data.dir.join("trajectories.jsonl"), rows).unwrap();
    let escapes: String = data.escapes.iter().map(|row| line(serde_json::to_string(row))).collect();
    fs::write(data.dir.join("escapes.jsonl"), escapes).unwrap();
    if let Some(census) = &data.census {
        fs::write(data.dir.join("census.json"), line(serde_json::to_string(census))).unwrap();
    }
    fs::write(data.dir.join("summary.json"), serde_json::to_string(&data.summary).unwrap()).unwrap();
    fs::create_dir_all(data.dir.join("slices")).unwrap();
    for slice in &data.slices {
        fs::write(data.dir.join(crate::record::slice_file(&slice.case)), serde_json::to_string(slice).unwrap()).unwrap();
    }
}

#[test]
fn a_run_becomes_one_self_contained_page() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path());
    let dirs = [folder.path().to_owned()];
    let written = write(&dirs, None).unwrap();
    let without: Vec<&str> = written.omitted.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((written.figures.len(), without), (ALL.len() - drawn_elsewhere().len(), drawn_elsewhere()));
    let page = fs::read_to_string(&written.report).unwrap();
    assert_eq!(page.matches("<figure ").count(), written.figures.len());
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.replace("http://www.w3.org/2000/svg", "").contains(outside), "{outside}");
    }
    assert!(!page.replace("isNaN(", "").contains("NaN") && page.contains("What this does not establish"));
    write(&dirs, None).unwrap();
    assert_eq!(fs::read_to_string(&written.report).unwrap(), page, "rebuilt alike");
    if let Ok(keep) = std::env::var("UFM_KEEP_FIGURES") {
        fs::write(format!("{keep}/report.html"), &page).unwrap();
    }
}

#[test]
fn damaged_files_are_named_with_their_line_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    saved(folder.path());
    let dirs = [folder.path().to_owned()];
    let path = folder.path().join("records.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let third = whole.lines().take(2).map(|line| line.len() + 1).sum::<usize>();

    fs::write(&path, &whole[..third + 40]).unwrap();
    let message = write(&dirs, None).unwrap_err().to_string();
    assert!(message.contains("records.jsonl, line 3: the line is cut off"), "{message}");
    fs::write(&path, format!("{}{{\"schema\": 3}}\n{}", &whole[..third], &whole[third..])).unwrap();
    let message = write(&dirs, None).unwrap_err().to_string();
    assert!(message.contains("records.jsonl, line 3: invalid type"), "{message}");
    fs::write(&path, &whole).unwrap();

    let summary = folder.path().join("summary.json");
    fs::write(&summary, "{").unwrap();
    assert!(write(&dirs, None).unwrap_err().to_string().contains("summary.json: EOF"));
    fs::remove_file(&summary).unwrap();
    assert!(write(&dirs, None).unwrap_err().to_string().contains("summary.json: No such file"));
    assert!(!folder.path().join("figures").exists() && !folder.path().join("report.html").exists());
    assert!(matches!(write(&[], None), Err(ReportError::Nothing)));
}

#[test]
fn empty_records_make_a_page_of_reasons_and_remove_old_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = saved(folder.path());
    let dirs = [folder.path().to_owned()];
    write(&dirs, None).unwrap();
    data.records = vec![bare("a", "custom", 0)];
    data.trajectories.clear();
    data.summary.figures = vec!["collapse".into(), "gram".into(), "nonsense".into()];
    store(&data);
    let written = write(&dirs, None).unwrap();
    assert_eq!(written.omitted.len(), 3);
    assert!(!folder.path().join("figures/collapse.svg").exists() && folder.path().join("figures/ladder.svg").exists());
    let page = fs::read_to_string(&written.report).unwrap();
    assert!(page.contains("<b>collapse</b>: not drawn, because") && page.contains("there is no such figure"));
}

#[test]
fn text_from_outside_is_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = saved(folder.path());
    let evil = "<img src=x onerror=alert(1)>\"'&";
    data.summary.question = evil.into();
    data.summary.scenario = evil.into();
    data.summary.objectives.values_mut().for_each(|text| *text = evil.into());
    data.summary.expectations.iter_mut().for_each(|e| (e.claim, e.found, e.outcome) = (evil.into(), evil.into(), evil.into()));
    for record in &mut data.records {
        (record.reason, record.start, record.loss) = (evil.into(), evil.into(), evil.into());
        record.nature = Some(evil.into());
        record.metrics_undefined = [("nc1".to_owned(), evil.to_owned())].into();
    }
    store(&data);
    let page = fs::read_to_string(write(&[folder.path().to_owned()], None).unwrap().report).unwrap();
    assert!(!page.contains("<img"));
    assert!(page.contains("&lt;img"));
}

#[test]
fn several_folders_are_set_side_by_side() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    saved(one.path());
    saved(two.path());
    let dirs = [one.path().to_owned(), two.path().to_owned()];
    let written = write(&dirs, None).unwrap();
    assert_eq!(written.report, one.path().join("comparison.html"));
    assert_eq!(written.figures.len(), 2 * (ALL.len() - drawn_elsewhere().len()));
    let page = fs::read_to_string(&written.report).unwrap();
    assert_eq!(page.matches("<section class=\"run\">").count(), 2);
    assert!(page.contains("Lowest points side by side"));
    if let Ok(keep) = std::env::var("UFM_KEEP_FIGURES") {
        fs::write(format!("{keep}/comparison.html"), &page).unwrap();
    }
    let elsewhere = two.path().join("x.html");
    assert_eq!(write(&dirs, Some(&elsewhere)).unwrap().report, elsewhere);
}

#[test]
fn the_terminal_table_is_compact_and_fits() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = quickstart(folder.path());
    let text = table(&data.records, None);
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    // Per loss: one row for the minimum and one for each of three saddles.
    assert_eq!(text.matches("global min").count(), 4, "{text}");
    assert_eq!(text.matches("strict saddle").count(), 12, "{text}");
    for record in &mut data.records {
        (record.loss, record.start) = ("a-loss-with-a-very-long-name-indeed".into(), "a-start-with-a-long-name".into());
        record.value = -1.234567890123e-101;
        record.index = Some(Count::Bracket([1000, 1200]));
        record.nullity = record.index;
        record.nature = Some("degenerate-minimum".into());
        record.standing = Some("undecided".into());
        record.orbit = None;
    }
    let text = table(&data.records, None);
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    assert!(table(&[], None).contains("verdict"));
    assert!(table(&[bare("a", "mse", 0)], None).contains("MSE"));
}
