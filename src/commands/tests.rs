use super::{CommandRow, Commands, CommandsError, DeviceAnswer, MaySend, NewCommand, State};
use crate::clock::Clock;
use crate::model::{AccountId, DeviceId, Micros, PublicId, UserId};
use policy::Action;
use protocols::{CannotSay, Command, Expect};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const DEVICE: DeviceId = DeviceId(7);
const START: Micros = 1_700_000_000_000_000;

/// Lets everything through until it is told otherwise.
#[derive(Default)]
struct Gate(AtomicBool);

impl MaySend for Gate {
    fn refusal(&self, _: &CommandRow) -> Option<&'static str> {
        self.0.load(Ordering::Relaxed).then_some("not any more")
    }
}

struct Rig {
    commands: Commands,
    clock: Arc<Clock>,
    gate: Arc<Gate>,
}

async fn rig(folder: &Path) -> Rig {
    let (clock, gate) = (Arc::new(Clock::standing_at(START)), Arc::new(Gate::default()));
    let commands = Commands::open(folder, Arc::clone(&clock), Arc::clone(&gate) as Arc<dyn MaySend>).await.unwrap();
    Rig { commands, clock, gate }
}

fn new(number: u128, command: Command) -> NewCommand {
    NewCommand {
        id: PublicId::from_u128(number),
        account: AccountId(1),
        device: DEVICE,
        generation: 1,
        user: UserId(3),
        action: Action::AskReport,
        command,
        recorded: 5,
        wait_s: 60,
    }
}

impl Rig {
    async fn give(&self, number: u128) -> CommandRow {
        self.commands.enqueue(new(number, Command::Locate)).await.unwrap()
    }

    async fn state(&self, number: u128) -> (State, String, String) {
        let row = self.commands.find(PublicId::from_u128(number)).await.unwrap().unwrap();
        (row.state, row.answer, row.reason)
    }

    async fn send(&self, expect: Expect) -> PublicId {
        let row = self.commands.next(DEVICE, 1).await.unwrap().expect("something to send");
        self.commands.leaves(&row, expect).await.unwrap();
        row.id
    }
}

fn answer(tag: Option<u32>, done: Option<bool>, text: &str) -> DeviceAnswer {
    DeviceAnswer { tag, done, text: text.to_owned() }
}

#[tokio::test]
async fn a_command_goes_its_way_and_every_step_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path()).await;
    let given = rig.give(1).await;
    assert_eq!((given.state, rig.commands.has_queued(DEVICE)), (State::Queued, true));
    assert_eq!(rig.send(Expect::Tag(42)).await, given.id);
    assert_eq!(rig.state(1).await.0, State::Sent);
    assert_eq!(rig.commands.next(DEVICE, 1).await.unwrap(), None, "it leaves once");
    assert!(!rig.commands.answered(DEVICE, &answer(Some(41), None, "other")).await.unwrap(), "another number is another command's");
    assert!(rig.commands.answered(DEVICE, &answer(Some(42), None, "OK")).await.unwrap());
    assert_eq!(rig.state(1).await, (State::Acknowledged, "OK".into(), String::new()));
    assert!(!rig.commands.answered(DEVICE, &answer(Some(42), None, "OK")).await.unwrap(), "an answer counts once");
}

#[tokio::test]
async fn answers_without_a_number_belong_to_the_oldest_and_a_refusal_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path()).await;
    for number in 1..=3 {
        rig.give(number).await;
    }
    for _ in 0..2 {
        rig.send(Expect::Next).await;
    }
    rig.send(Expect::Nothing).await;
    assert!(rig.commands.answered(DEVICE, &answer(None, Some(false), "ERR")).await.unwrap());
    assert!(rig.commands.answered(DEVICE, &answer(None, Some(true), "OK")).await.unwrap());
    assert!(!rig.commands.answered(DEVICE, &answer(None, None, "OK")).await.unwrap(), "what has no answer waits for none");
    assert_eq!(rig.state(1).await, (State::Failed, "ERR".into(), "the device refused".into()));
    assert_eq!(rig.state(2).await.0, State::Acknowledged);
    assert_eq!(rig.state(3).await.0, State::Sent);
}

#[tokio::test]
async fn what_may_not_be_sent_any_more_or_cannot_be_said_fails_and_the_next_one_goes() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path()).await;
    rig.give(1).await;
    rig.gate.0.store(true, Ordering::Relaxed);
    assert_eq!(rig.commands.next(DEVICE, 1).await.unwrap(), None);
    assert_eq!(rig.state(1).await, (State::Failed, String::new(), "not any more".into()));
    rig.gate.0.store(false, Ordering::Relaxed);
    rig.give(2).await;
    assert_eq!(rig.commands.next(DEVICE, 2).await.unwrap(), None, "P14: the device was registered anew");
    assert_eq!(rig.state(2).await.0, State::Failed);
    let row = rig.give(3).await;
    rig.commands.cannot(&row, CannotSay::Unsupported).await.unwrap();
    assert_eq!(rig.state(3).await.2, "the device's protocol has no such command");
    rig.give(4).await;
    assert_eq!(rig.send(Expect::Next).await, PublicId::from_u128(4));
}

#[tokio::test]
async fn what_waits_too_long_expires_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path()).await;
    rig.give(1).await;
    rig.send(Expect::Next).await;
    rig.give(2).await;
    assert_eq!(rig.commands.expire().await.unwrap(), 0);
    rig.clock.set(START + 60_000_000);
    assert_eq!(rig.commands.expire().await.unwrap(), 2);
    assert_eq!(rig.state(1).await, (State::Expired, String::new(), "not answered in time".into()));
    assert_eq!(rig.state(2).await, (State::Expired, String::new(), "not sent in time".into()));
    assert!(!rig.commands.answered(DEVICE, &answer(None, None, "late")).await.unwrap());
}

#[tokio::test]
async fn a_restart_forgets_nothing_and_sends_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    {
        let rig = rig(folder.path()).await;
        for number in 1..=3 {
            rig.give(number).await;
        }
        rig.send(Expect::Tag(9)).await;
        rig.send(Expect::Nothing).await;
        rig.commands.close().await;
    }
    let rig = rig(folder.path()).await;
    assert!(rig.commands.answered(DEVICE, &answer(Some(9), None, "OK")).await.unwrap());
    assert_eq!(rig.send(Expect::Next).await, PublicId::from_u128(3));
    assert_eq!(rig.commands.next(DEVICE, 1).await.unwrap(), None);
    let listed = rig.commands.list(AccountId(1), DEVICE, None, 2).await.unwrap();
    assert_eq!(listed.iter().map(|row| row.id.as_u128()).collect::<Vec<_>>(), [3, 2]);
    let rest = rig.commands.list(AccountId(1), DEVICE, Some(listed[1].number), 9).await.unwrap();
    assert_eq!(rest.iter().map(|row| row.id.as_u128()).collect::<Vec<_>>(), [1]);
    assert!(rig.commands.list(AccountId(2), DEVICE, None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_device_has_room_for_so_many_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let rig = rig(folder.path()).await;
    for number in 0..Commands::WAITING_MAX as u128 {
        rig.give(number).await;
    }
    assert!(matches!(rig.commands.enqueue(new(99, Command::Locate)).await, Err(CommandsError::Full)));
    rig.send(Expect::Nothing).await;
    rig.give(99).await;
}
