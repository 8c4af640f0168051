use super::{Asked, BEAT, Party, SILENCE, ask, hold, sweep};
use crate::engine::sim::SimEngine;
use crate::engine::{Locks, Observe, ObserveRequest};
use crate::model::lock::{Held, Holder, Taken};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

fn holder(id: &str) -> Holder {
    Holder { id: id.into(), host: format!("host of {id}"), ..Holder::default() }
}

fn stacks(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Asks for locks with a minute of patience; gives what came of it and whom it waited for.
async fn asked(engine: &SimEngine, who: &str, names: &[&str]) -> (Asked, Vec<String>) {
    let (_go_on, stop) = watch::channel(false);
    let waited = Mutex::new(Vec::new());
    let waits = |held: &Held| waited.lock().expect("unpoisoned").push(held.holder.id.clone());
    let party = Party {
        holder: holder(who),
        now: || 7,
        is_gone: |holder| holder.id.starts_with("dead"),
        chance: || 0.5,
        patience: Duration::from_secs(60),
        stop,
        waits: &waits,
    };
    let asked = ask(engine, &stacks(names), &party).await.expect("the engine answers");
    (asked, waited.into_inner().expect("unpoisoned"))
}

async fn theirs(engine: &SimEngine, who: &str, stack: &str) -> String {
    match engine.take_lock(stack, &holder(who)).await.expect("the engine answers") {
        Taken::Ours(id) => id,
        Taken::Theirs(held) => panic!("{held:?}"),
    }
}

fn locks(engine: &SimEngine) -> Vec<String> {
    let mut names: Vec<String> =
        engine.world().containers.values().map(|found| found.observed.name.clone()).collect();
    names.sort();
    names
}

#[tokio::test(start_paused = true)]
async fn a_living_holder_is_waited_for_only_so_long_and_nothing_is_kept_meanwhile() {
    let engine = SimEngine::default();
    let id = theirs(&engine, "other", "b").await;
    let start = Instant::now();
    let beats = async {
        for number in 1.. {
            tokio::time::sleep(BEAT).await;
            assert_eq!(locks(&engine), ["b.lock"]);
            assert!(engine.beat(&id, number).await.expect("it is there"));
        }
    };
    let (came, waited) =
        tokio::select! { came = asked(&engine, "me", &["a", "b"]) => came, () = beats => unreachable!() };
    let Asked::Theirs(held) = came else { panic!("it was taken from a living holder") };
    assert_eq!((held.stack.as_str(), held.holder.id.as_str()), ("b", "other"));
    assert_eq!(waited, ["other"], "told once");
    assert_eq!(start.elapsed().as_secs(), 60);
    assert_eq!(locks(&engine), ["b.lock"]);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_gives_it_back_is_followed_at_once() {
    let engine = SimEngine::default();
    let id = theirs(&engine, "other", "a").await;
    let start = Instant::now();
    let release = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        engine.remove_lock(&id).await.expect("removed");
    };
    let ((came, _), ()) = tokio::join!(asked(&engine, "me", &["a"]), release);
    assert!(matches!(came, Asked::Ours(_)));
    assert!(start.elapsed() < Duration::from_secs(13), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_holder_known_to_be_dead_is_not_waited_for() {
    let engine = SimEngine::default();
    theirs(&engine, "dead", "a").await;
    let start = Instant::now();
    let (came, waited) = asked(&engine, "me", &["a"]).await;
    assert!(matches!(came, Asked::Ours(_)) && waited.is_empty());
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_holder_elsewhere_that_gives_no_sign_of_life_is_dead() {
    let engine = SimEngine::default();
    let id = theirs(&engine, "other", "a").await;
    engine.beat(&id, 1).await.expect("it is there");
    let start = Instant::now();
    let (came, waited) = asked(&engine, "me", &["a"]).await;
    assert!(matches!(came, Asked::Ours(_)));
    assert_eq!(waited, ["other"]);
    let took = start.elapsed();
    assert!(took >= SILENCE && took < SILENCE + Duration::from_secs(5), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn long_work_gives_signs_of_life_and_the_lock_back() {
    let engine = SimEngine::default();
    let (Asked::Ours(guard), _) = asked(&engine, "me", &["a"]).await else { panic!("it is free") };
    let (_go_on, stop) = watch::channel(false);
    let (tell, _told) = watch::channel(false);
    let (me, work) = (holder("me"), async {
        tokio::time::sleep(Duration::from_secs(300)).await;
        "done"
    });
    let work = hold(&engine, (guard, &me), (&stop, tell), work);
    let (done, (came, _)) = tokio::join!(work, asked(&engine, "other", &["a"]));
    assert_eq!(done, "done");
    assert!(matches!(came, Asked::Theirs(held) if held.holder.since == 7));
    assert_eq!(locks(&engine), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_was_pruned_is_taken_anew_and_one_that_is_lost_stops_the_work() {
    let engine = SimEngine::default();
    let (Asked::Ours(guard), _) = asked(&engine, "me", &["a"]).await else { panic!("it is free") };
    let (_go_on, stop) = watch::channel(false);
    let thief = async {
        engine.world().containers.clear();
        tokio::time::sleep(BEAT * 2).await;
        assert_eq!(locks(&engine), ["a.lock"], "taken anew");
        engine.world().containers.clear();
        theirs(&engine, "other", "a").await;
    };
    let (tell, mut told) = watch::channel(false);
    let (me, work) = (holder("me"), async { *told.wait_for(|stop| *stop).await.expect("told") });
    let work = hold(&engine, (guard, &me), (&stop, tell), work);
    let (was_told, ()) = tokio::join!(work, thief);
    assert!(was_told);
    assert_eq!(locks(&engine), ["a.lock"], "the other's lock stays");
}

#[tokio::test(start_paused = true)]
async fn only_locks_of_the_dead_are_swept() {
    let engine = SimEngine::default();
    theirs(&engine, "dead", "a").await;
    theirs(&engine, "other", "b").await;
    let observed = engine.observe(&ObserveRequest::default()).await.expect("observed");
    sweep(&engine, &observed, |holder| holder.id == "dead").await;
    assert_eq!(locks(&engine), ["b.lock"]);
}
