//! Log-ins and sessions.

use super::*;

#[tokio::test]
async fn b46_b47_a_user_signs_in_with_address_and_password() {
    let w = World::new().await;
    let user = w.sub_user("a@one.example", &[]).await;
    let signed_in = w.directory.sign_in("A@one.example", PASSWORD, None).await.expect("signed in");
    assert_eq!((signed_in.session.user, signed_in.token.as_str().len()), (user, 64));
    let session = w.directory.session(signed_in.token.as_str()).expect("open");
    assert_eq!((session.id, session.account), (signed_in.session.id, w.snapshot().user(user).expect("a user").account));
    assert!(w.directory.session("").is_none() && w.directory.session(&"0".repeat(64)).is_none());
    for (email, password) in [("a@one.example", "wrong"), ("nobody@one.example", PASSWORD), ("", ""), ("a@one.example", &"x".repeat(9999))]
    {
        assert_eq!(w.directory.sign_in(email, password, None).await.expect_err("refused"), SignInError::Refused);
    }
    for short in ["12345", "123456", "password1"] {
        let user = NewUser { password: short.into(), ..person("b@one.example") };
        invalid(w.by(w.owner, Change::CreateUser { user, access: NewAccess::Admin }).await, "password");
    }
    assert!(!format!("{signed_in:?} {:?}", person("x")).contains(PASSWORD) && !format!("{signed_in:?}").contains(signed_in.token.as_str()));
}

#[tokio::test]
async fn p15_an_address_in_several_accounts_is_asked_which_after_the_password() {
    let w = World::new().await;
    let (two, other) = w.account("owner@two.example").await;
    w.member("a@one.example", NewAccess::Admin).await;
    w.by(other, Change::CreateUser { user: person("a@one.example"), access: NewAccess::Admin }).await.expect("in another account");
    let twice = w.by(other, Change::CreateUser { user: person("A@one.example"), access: NewAccess::Admin }).await;
    invalid(twice, "email");
    assert_eq!(w.directory.sign_in("a@one.example", "wrong", None).await.expect_err("refused"), SignInError::Refused);
    let Err(SignInError::WhichAccount(accounts)) = w.directory.sign_in("a@one.example", PASSWORD, None).await else {
        panic!("it asks which account");
    };
    assert_eq!(accounts.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [w.account, two]);
    let signed_in = w.directory.sign_in("a@one.example", PASSWORD, Some(two)).await.expect("signed in");
    assert_eq!(w.snapshot().account(signed_in.session.account).expect("an account").public_id, two);
    let his = Change::ChangeOwnPassword { current: PASSWORD.into(), new: "other-elm-7 stone".into() };
    w.by(signed_in.session.user, his).await.expect("changed");
    let one = w.directory.sign_in("a@one.example", PASSWORD, None).await.expect("only one fits");
    assert_eq!(w.snapshot().account(one.session.account).expect("an account").public_id, w.account);
}

#[tokio::test]
async fn p6_p13_a_new_password_closes_the_other_sessions() {
    let w = World::new().await;
    let user = w.sub_user("a@one.example", &[]).await;
    let (one, two) =
        (w.directory.sign_in("a@one.example", PASSWORD, None).await, w.directory.sign_in("a@one.example", PASSWORD, None).await);
    let (one, two) = (one.expect("signed in"), two.expect("signed in"));
    assert_eq!(w.directory.sessions(user).len(), 2);
    let change = |current: &str, new: &str| Change::ChangeOwnPassword { current: current.into(), new: new.into() };
    let himself = Actor::User(user, Some(one.session.id));
    w.told.take();
    invalid(w.directory.change(himself, change("wrong", "other-elm-7 stone")).await, "current_password");
    invalid(w.directory.change(himself, change(PASSWORD, "12345")).await, "password");
    assert!(w.told.take().is_empty());
    w.directory.change(himself, change(PASSWORD, "other-elm-7 stone")).await.expect("changed");
    assert_eq!(w.told.one().closed_sessions, [two.session.id]);
    assert!(w.directory.session(two.token.as_str()).is_none() && w.directory.session(one.token.as_str()).is_some());
    assert!(w.directory.sign_in("a@one.example", PASSWORD, None).await.is_err());
    w.owner(Change::SetPassword { user: w.user(user), password: "third-ash-5 cloud".into() }).await;
    assert_eq!(w.told.one().closed_sessions, [one.session.id]);
    assert!(w.directory.sessions(user).is_empty());
}

#[tokio::test]
async fn p6_logging_out_closes_the_session_and_nobody_elses() {
    let w = World::new().await;
    let user = w.sub_user("a@one.example", &[]).await;
    let other = w.sub_user("b@one.example", &[]).await;
    let open = w.directory.sign_in("a@one.example", PASSWORD, None).await.expect("signed in");
    let close = Change::CloseSession { session: open.session.id };
    not_found(w.by(other, close.clone()).await);
    not_found(w.by(w.owner, close.clone()).await);
    w.told.take();
    w.by(user, close.clone()).await.expect("logged out");
    assert_eq!(w.told.one().closed_sessions, [open.session.id]);
    assert!(w.directory.session(open.token.as_str()).is_none() && !w.directory.session_is_open(open.session.id));
    not_found(w.by(user, close).await);
}

#[tokio::test]
async fn a_session_that_is_not_used_ends() {
    let w = World::new().await;
    let user = w.sub_user("a@one.example", &[]).await;
    let open = w.directory.sign_in("a@one.example", PASSWORD, None).await.expect("signed in");
    w.clock.set(NOW + 13 * DAY);
    assert!(w.directory.session(open.token.as_str()).is_some(), "used, so it goes on");
    w.clock.set(NOW + 26 * DAY);
    w.directory.session_used(open.session.id);
    w.clock.set(NOW + 39 * DAY);
    assert!(w.directory.session(open.token.as_str()).is_some());
    w.clock.set(NOW + 54 * DAY);
    assert!(w.directory.session(open.token.as_str()).is_none());
    assert_eq!(w.directory.sessions(user).len(), 1, "until the writer clears it away");
}

#[tokio::test]
async fn a_user_has_a_bounded_number_of_sessions() {
    let w = World::new().await;
    let user = w.sub_user("a@one.example", &[]).await;
    let first = w.directory.sign_in("a@one.example", PASSWORD, None).await.expect("signed in");
    w.clock.set(NOW + 1);
    w.told.take();
    for _ in 0..64 {
        w.directory.sign_in("a@one.example", PASSWORD, None).await.expect("signed in");
    }
    assert_eq!(w.directory.sessions(user).len(), 64);
    assert!(w.directory.session(first.token.as_str()).is_none(), "the oldest went");
    assert_eq!(w.told.one().closed_sessions, [first.session.id]);
}
