//! `admin`: what belongs to the operator (P8). It works on the data folder while the gateway does not.

use super::{ConfigArguments, Failure};
use crate::clock::Clock;
use crate::config::Config;
use crate::directory::{Actor, Change, Directory, NewPassword, NewUser};
use crate::gateway::Offline;
use crate::model::PublicId;
use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Makes a tariff.
    CreateTariff {
        /// For people.
        #[arg(long)]
        name: String,
        /// How far back device data can be viewed, days.
        #[arg(long)]
        history_days: u32,
    },
    /// Makes an account with its owner. The owner's password is read from standard input, one line.
    CreateAccount {
        /// For people.
        #[arg(long)]
        name: String,
        /// The tariff that its devices are on where none is chosen.
        #[arg(long)]
        tariff: PublicId,
        /// The owner's e-mail.
        #[arg(long)]
        owner_email: String,
        /// The owner's name.
        #[arg(long, default_value = "")]
        owner_name: String,
        /// The owner's surname.
        #[arg(long, default_value = "")]
        owner_surname: String,
        /// The owner's phone.
        #[arg(long, default_value = "")]
        owner_phone: String,
    },
    /// Moves a device to another account (P14).
    MoveDevice {
        /// The device.
        #[arg(long)]
        device: PublicId,
        /// Where to.
        #[arg(long)]
        account: PublicId,
    },
    /// Lists accounts and tariffs.
    List,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let config: Config = arguments.config.load()?;
    let offline = Offline::open(&config, Arc::new(Clock::system())).await?;
    let result = act(offline.directory(), arguments.command, &mut std::io::stdin().lock(), &mut std::io::stdout()).await;
    offline.close().await;
    result
}

async fn act(directory: &Directory, command: Command, input: &mut impl BufRead, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let change = match command {
        Command::List => {
            list(directory, out)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::CreateTariff { name, history_days } => Change::CreateTariff { name, history: i64::from(history_days) * 86_400_000_000 },
        Command::CreateAccount { name, tariff, owner_email, owner_name, owner_surname, owner_phone } => {
            let mut password = String::new();
            input.read_line(&mut password)?;
            let password = NewPassword::new(password.trim_end_matches(['\r', '\n']));
            let owner = NewUser { email: owner_email, password, name: owner_name, surname: owner_surname, phone: owner_phone };
            Change::CreateAccount { name, tariff, owner }
        }
        Command::MoveDevice { device, account } => Change::MoveDevice { device, account, tariff: None },
    };
    let changed = directory.change(Actor::Operator, change).await?;
    for id in changed.created {
        writeln!(out, "{id}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list(directory: &Directory, out: &mut impl Write) -> std::io::Result<()> {
    let snapshot = directory.snapshot();
    for tariff in snapshot.tariffs() {
        writeln!(out, "tariff  {}  {} days  {}", tariff.public_id, tariff.history / 86_400_000_000, tariff.name)?;
    }
    for account in snapshot.accounts() {
        let owner = snapshot.user(account.owner).map_or("", |owner| owner.email.as_str());
        writeln!(out, "account {}  {owner}  {}", account.public_id, account.name)?;
    }
    Ok(())
}
