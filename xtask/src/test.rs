//! `cargo xtask test`: runs the steps, tells their times, repeats the failures at the end.

use std::time::Duration;

use crate::clock;
use crate::failure::Failure;
use crate::steps::{STEPS, Step};

/// How one step ended.
enum Outcome {
    Passed,
    /// What it needs is not on this machine, and why that is no failure.
    Skipped(String),
    Failed(Failure),
    /// A step that it needs did not pass.
    NotRun(&'static str),
}

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => run_steps(&STEPS.iter().collect::<Vec<_>>()),
        ["--list"] => {
            for step in &STEPS {
                println!("{:<14} {}", step.name, step.about);
            }
            Ok(())
        }
        ["--only", name] => run_steps(&with_needs(&STEPS, name)?),
        _ => Err(Failure::usage("`test` takes nothing, `--list` or `--only STEP`")),
    }
}

/// A step and what it needs, in order.
fn with_needs<'a>(steps: &'a [Step], name: &str) -> Result<Vec<&'a Step>, Failure> {
    let wanted = steps.iter().find(|step| step.name == name).ok_or_else(|| {
        Failure::usage(format!("no step `{name}`; `cargo xtask test --list` names them"))
    })?;
    let mut names = vec![wanted.name];
    for step in steps.iter().rev() {
        if names.contains(&step.name) {
            names.extend(step.needs);
        }
    }
    Ok(steps.iter().filter(|step| names.contains(&step.name)).collect())
}

fn run_steps(steps: &[&Step]) -> Result<(), Failure> {
    let start = clock::now();
    let mut outcomes: Vec<(&Step, Outcome)> = Vec::new();
    for (position, step) in steps.iter().enumerate() {
        println!("\n== {}/{} {}: {}", position + 1, steps.len(), step.name, step.about);
        let step_start = clock::now();
        let outcome = run_step(step, &outcomes);
        let took = seconds(step_start.elapsed());
        match &outcome {
            Outcome::Passed => println!("== {} passed, {took}", step.name),
            Outcome::Skipped(why) => println!("== {} skipped: {why}", step.name),
            Outcome::Failed(failure) => println!("== {} FAILED, {took}: {failure}", step.name),
            Outcome::NotRun(need) => println!("== {} not run: {need} did not pass", step.name),
        }
        outcomes.push((step, outcome));
    }
    println!("\n== all steps took {}", seconds(start.elapsed()));
    let (report, all_passed) = report(&outcomes);
    println!("{report}");
    if all_passed { Ok(()) } else { Err(Failure::new("not everything holds, see above")) }
}

fn run_step(step: &Step, before: &[(&Step, Outcome)]) -> Outcome {
    let has_passed = |need: &str| {
        before.iter().any(|(step, outcome)| step.name == need && matches!(outcome, Outcome::Passed))
    };
    match step.needs.iter().find(|need| !has_passed(need)) {
        Some(need) => Outcome::NotRun(need),
        None => match (step.run)() {
            Ok(()) => Outcome::Passed,
            Err(Failure::Skipped(why)) => Outcome::Skipped(why),
            Err(failure) => Outcome::Failed(failure),
        },
    }
}

/// The failures with the last words of what failed, what was skipped, then the line that counts.
fn report(outcomes: &[(&Step, Outcome)]) -> (String, bool) {
    let (mut passed, mut failed, mut skipped, mut not_run) = (0, 0, 0, 0);
    let (mut text, mut left_out) = (String::new(), String::new());
    for (step, outcome) in outcomes {
        match outcome {
            Outcome::Passed => passed += 1,
            Outcome::Skipped(why) => {
                skipped += 1;
                left_out += &format!("skipped: {}: {why}\n", step.name);
            }
            Outcome::Failed(failure) => {
                failed += 1;
                text += &format!("-- {} failed: {failure}\n", step.name);
                if let Failure::Failed { last_lines, .. } = failure {
                    text.extend(last_lines.iter().map(|line| format!("   {line}\n")));
                }
                text += &format!("   again: cargo xtask test --only {}\n", step.name);
            }
            Outcome::NotRun(need) => {
                not_run += 1;
                text += &format!("-- {} was not run: {need} did not pass\n", step.name);
            }
        }
    }
    text += &left_out;
    text += &format!("{passed} passed, {failed} failed");
    if skipped > 0 {
        text += &format!(", {skipped} skipped");
    }
    if not_run > 0 {
        text += &format!(", {not_run} not run");
    }
    (text, failed + not_run == 0)
}

fn seconds(duration: Duration) -> String {
    format!("{}.{} s", duration.as_secs(), duration.subsec_millis() / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn step(
        name: &'static str,
        needs: &'static [&'static str],
        run: fn() -> Result<(), Failure>,
    ) -> Step {
        Step { name, about: "", needs, run }
    }

    fn fails() -> Result<(), Failure> {
        Err(Failure::Failed { message: "broken".into(), last_lines: vec!["why".into()] })
    }

    fn outcomes(steps: &[Step]) -> (String, bool) {
        let mut outcomes = Vec::new();
        for step in steps {
            let outcome = run_step(step, &outcomes);
            outcomes.push((step, outcome));
        }
        report(&outcomes)
    }

    #[test]
    fn a_failure_stops_only_what_needs_it_and_is_repeated_with_its_last_lines() {
        let steps =
            [step("a", &[], fails), step("b", &["a"], || Ok(())), step("c", &[], || Ok(()))];
        let (text, all_passed) = outcomes(&steps);
        assert!(!all_passed);
        assert_eq!(
            text,
            "-- a failed: broken\n   why\n   again: cargo xtask test --only a\n\
             -- b was not run: a did not pass\n\
             1 passed, 1 failed, 1 not run"
        );
    }

    #[test]
    fn when_everything_passes_the_report_is_the_count() {
        let steps = [step("a", &[], || Ok(())), step("b", &["a"], || Ok(()))];
        assert_eq!(outcomes(&steps), ("2 passed, 0 failed".to_owned(), true));
    }

    #[test]
    fn what_is_skipped_is_no_failure_and_is_said_last() {
        let skips = || Err(Failure::skipped("no tool (get one)"));
        let steps = [step("a", &[], skips), step("b", &[], fails), step("c", &[], || Ok(()))];
        let (text, all_passed) = outcomes(&steps);
        assert!(!all_passed);
        assert!(
            text.ends_with("skipped: a: no tool (get one)\n1 passed, 1 failed, 1 skipped"),
            "{text}"
        );
        let alone = outcomes(&[step("a", &[], skips)]);
        assert_eq!(
            alone,
            ("skipped: a: no tool (get one)\n0 passed, 0 failed, 1 skipped".to_owned(), true)
        );
    }

    #[test]
    fn one_step_comes_with_what_it_needs_at_any_depth() {
        let steps = [
            step("a", &[], || Ok(())),
            step("b", &["a"], || Ok(())),
            step("x", &[], || Ok(())),
            step("c", &["b"], || Ok(())),
        ];
        let names: Vec<_> =
            with_needs(&steps, "c").expect("it exists").iter().map(|step| step.name).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(with_needs(&steps, "y").err().map(|failure| failure.exit_code()), Some(2));
    }
}
