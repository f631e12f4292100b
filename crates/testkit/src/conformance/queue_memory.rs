use sync_core::TaskId;
use sync_core::ports::{QueueFigure, QueueTask};

use super::Case;
use super::bench::{ANA, Bench, NOW, ORGANISATION, OTHER_ORGANISATION, id, raw};

pub(super) const CASES: &[Case] = &[
    ("figures_are_put_in_their_place_and_told_by_time", figures_are_put_in_their_place_and_told_by_time),
    ("old_figures_of_a_step_are_dropped", old_figures_of_a_step_are_dropped),
    ("a_task_goes_on_step_by_step", a_task_goes_on_step_by_step),
    ("tasks_are_listed_until_they_end", tasks_are_listed_until_they_end),
];

fn figure(step_s: i32, ms: i64, lane: i32, node: u128) -> QueueFigure {
    QueueFigure { organisation_id: ORGANISATION, step_s, at: NOW.plus_ms(ms), lane, node_id: id(node), body: raw("{}") }
}

fn put(bench: &Bench, figures: Vec<QueueFigure>) {
    bench.write(move |tx| tx.put_figures(&figures));
}

fn figures_are_put_in_their_place_and_told_by_time(bench: &Bench) {
    let foreign = QueueFigure { organisation_id: OTHER_ORGANISATION, ..figure(60, 5, 0, 1) };
    put(bench, vec![figure(60, 5, 1, 1), figure(60, 5, 0, 2), figure(60, 0, 3, 1), figure(60, 9, 0, 1), figure(3_600, 5, 0, 1)]);
    put(bench, vec![foreign.clone(), figure(60, -1, 0, 1)]);
    let again = QueueFigure { body: raw(r#"{"n":1}"#), ..figure(60, 5, 1, 1) };
    put(bench, vec![again.clone()]);
    put(bench, vec![]);
    let span = (NOW, NOW.plus_ms(9));
    let list = |organisation_id, step_s| bench.read(move |tx| tx.list_figures(organisation_id, step_s, span));
    let own = [figure(60, 0, 3, 1), figure(60, 5, 0, 2), again];
    assert_eq!(list(Some(ORGANISATION), 60), own);
    let all: Vec<_> = own.into_iter().chain([foreign]).collect();
    assert_eq!(list(None, 60), all);
    assert_eq!(list(None, 3_600), [figure(3_600, 5, 0, 1)]);
    assert_eq!(list(None, 1), []);
}

fn old_figures_of_a_step_are_dropped(bench: &Bench) {
    put(bench, vec![figure(60, -1, 0, 1), figure(60, 0, 0, 1), figure(3_600, -1, 0, 1)]);
    bench.write(|tx| tx.drop_figures(60, NOW));
    let list = |step_s| bench.read(move |tx| tx.list_figures(None, step_s, (NOW.plus_ms(-9), NOW.plus_ms(9))));
    assert_eq!((list(60), list(3_600)), (vec![figure(60, 0, 0, 1)], vec![figure(3_600, -1, 0, 1)]));
}

fn task(number: u128, ms: i64) -> QueueTask {
    QueueTask {
        task_id: TaskId(id(number)),
        organisation_id: ORGANISATION,
        user_id: ANA,
        created_at: NOW.plus_ms(ms),
        step: 0,
        finished_at: None,
        body: raw("{}"),
    }
}

fn put_task(bench: &Bench, task: QueueTask) -> bool {
    bench.write(move |tx| tx.put_task(&task))
}

fn a_task_goes_on_step_by_step(bench: &Bench) {
    let step = |step| QueueTask { step, body: raw(&format!(r#"{{"step":{step}}}"#)), ..task(1, 0) };
    let steps: Vec<_> = [0, 0, 2, 1, 1, 2].into_iter().map(|number| put_task(bench, step(number))).collect();
    assert_eq!(steps, [true, false, false, true, false, true], "each step once, one after the other");
    let find = |organisation_id| bench.read(move |tx| tx.find_task(organisation_id, TaskId(id(1))));
    assert_eq!((find(ORGANISATION), find(OTHER_ORGANISATION)), (Some(step(2)), None));
}

fn tasks_are_listed_until_they_end(bench: &Bench) {
    for row in [task(1, 2), task(2, 1), task(3, 3), task(4, 0)] {
        assert!(put_task(bench, row));
    }
    let ended = |number, ms| QueueTask { step: 1, finished_at: Some(NOW.plus_ms(ms)), ..task(number, 0) };
    assert!(put_task(bench, ended(4, -1)) && put_task(bench, ended(3, 0)));
    let list = |limit| bench.read(move |tx| tx.list_unfinished_tasks(limit));
    assert_eq!(list(9), [task(2, 1), task(1, 2)]);
    assert_eq!(list(1), [task(2, 1)]);
    bench.write(|tx| tx.drop_tasks(NOW));
    let left: Vec<_> =
        [1, 2, 3, 4].into_iter().map(|number| bench.read(move |tx| tx.find_task(ORGANISATION, TaskId(id(number)))).is_some()).collect();
    assert_eq!(left, [true, true, true, false]);
}
