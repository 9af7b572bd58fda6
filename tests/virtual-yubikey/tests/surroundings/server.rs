//! The card in a reader.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use virtual_yubikey::{Device, Effect, Fault, Server};

use crate::reader::Reader;
use crate::session::{OK, PIN_STATUS, SELECT, VERIFY, VERSION, WRONG, card};

/// The ATR of a YubiKey 5.
const ATR: &[u8] =
    b"\x3B\xFD\x13\x00\x00\x81\x31\xFE\x15\x80\x73\xC0\x21\xC0\x57\x59\x75\x62\x69\x4B\x65\x79\x40";

fn server() -> (TempDir, PathBuf, Server) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("card.sock");
    let server = listen(&socket);
    server.set_absence(Duration::ZERO);
    (folder, socket, server)
}

fn listen(socket: &Path) -> Server {
    Server::listen(Arc::new(Mutex::new(Device::new(card()))), socket).unwrap()
}

#[test]
fn a_card_is_powered_asked_for_its_atr_and_used() {
    let (_folder, socket, server) = server();
    let mut reader = Reader::at(&socket);
    assert_eq!(reader.power_on().unwrap(), ATR);
    assert!(reader.transmit(SELECT).unwrap().ends_with(OK));
    assert_eq!(reader.transmit(VERIFY).unwrap(), OK);
    assert_eq!(reader.transmit(PIN_STATUS).unwrap(), OK);
    for control in 0..3 {
        reader.send(&[control]).unwrap();
        assert_eq!(reader.transmit(PIN_STATUS).unwrap(), b"\x6D\x00");
        reader.transmit(SELECT).unwrap();
        assert_eq!(reader.transmit(PIN_STATUS).unwrap(), b"\x63\xC3");
        assert_eq!(reader.transmit(VERIFY).unwrap(), OK);
    }
    // A control nobody knows is passed over.
    reader.send(&[9]).unwrap();
    assert_eq!(reader.transmit(PIN_STATUS).unwrap(), OK);
    assert_eq!(server.device().log().count("VERIFY"), 4);
}

#[test]
fn frames_may_come_in_pieces_and_many_at_once() {
    let (_folder, socket, _server) = server();
    let mut reader = Reader::at(&socket);
    let frames: Vec<u8> = [SELECT, VERSION, &[4], VERSION]
        .iter()
        .flat_map(|body| [&[0, u8::try_from(body.len()).unwrap()], *body].concat())
        .collect();
    reader.0.write_all(&frames).unwrap();
    assert!(reader.receive().unwrap().ends_with(OK));
    assert_eq!(reader.receive().unwrap(), b"\x05\x07\x01\x90\x00");
    assert_eq!(reader.receive().unwrap(), ATR);
    assert_eq!(reader.receive().unwrap(), b"\x05\x07\x01\x90\x00");
    for octet in &frames {
        reader.0.write_all(&[*octet]).unwrap();
    }
    for _ in 0..4 {
        reader.receive().unwrap();
    }
}

#[test]
fn a_reader_that_comes_back_finds_a_card_without_power() {
    let (_folder, socket, _server) = server();
    let mut reader = Reader::at(&socket);
    reader.transmit(SELECT).unwrap();
    reader.transmit(VERIFY).unwrap();
    // In the middle of a frame.
    reader.0.write_all(&[0, 5, 0]).unwrap();
    drop(reader);
    let mut reader = Reader::at(&socket);
    assert_eq!(reader.transmit(PIN_STATUS).unwrap(), b"\x6D\x00");
    reader.transmit(SELECT).unwrap();
    assert_eq!(reader.transmit(PIN_STATUS).unwrap(), b"\x63\xC3");
}

#[test]
fn a_dropped_link_is_a_token_pulled_and_put_back() {
    let (_folder, socket, server) = server();
    server.device().inject([Fault::on("VERIFY", 1, Effect::DropAfter).unwrap()]);
    let mut reader = Reader::at(&socket);
    reader.transmit(SELECT).unwrap();
    assert!(reader.transmit(WRONG).is_err());
    let mut reader = Reader::at(&socket);
    reader.transmit(SELECT).unwrap();
    assert_eq!(reader.transmit(PIN_STATUS).unwrap(), b"\x63\xC2");
}

#[test]
fn a_pulled_token_is_gone_until_it_is_put_back() {
    let (_folder, socket, server) = server();
    for _ in 0..3 {
        let mut reader = Reader::at(&socket);
        assert!(reader.transmit(SELECT).unwrap().ends_with(OK));
        server.pull();
        assert!(reader.transmit(VERSION).is_err());
        assert!(!socket.exists());
        server.pull();
        server.insert().unwrap();
        server.insert().unwrap();
    }
    let total = server.device().log().total();
    assert_eq!(total, 3);
}

#[test]
fn a_token_can_be_pulled_while_nobody_looks_and_while_it_is_slow() {
    let (_folder, socket, server) = server();
    server.pull();
    server.insert().unwrap();
    let slow = Effect::Slow(Duration::from_secs(3600));
    server.device().inject([Fault::at(1, slow)]);
    let mut reader = Reader::at(&socket);
    reader.send(VERSION).unwrap();
    while server.device().log().total() == 0 {
        std::thread::yield_now();
    }
    server.pull();
    assert!(reader.receive().is_err());
}

#[test]
fn a_token_pulled_and_put_back_at_any_pace_is_where_it_was_put_last() {
    let (_folder, socket, server) = server();
    for round in 0..300 {
        server.pull();
        assert!(!socket.exists());
        server.insert().unwrap();
        if round % 3 == 0 {
            let mut reader = Reader::at(&socket);
            assert!(reader.transmit(SELECT).unwrap().ends_with(OK));
        }
    }
}

#[test]
fn faults_can_be_scripted_while_a_client_runs() {
    let (_folder, socket, server) = server();
    let mut reader = Reader::at(&socket);
    reader.transmit(SELECT).unwrap();
    for word in [0x6F00_u16, 0x6581] {
        server.device().inject([Fault::at(1, Effect::Status(word))]);
        assert_eq!(reader.transmit(VERSION).unwrap(), word.to_be_bytes());
        assert_eq!(reader.transmit(VERSION).unwrap().len(), 5);
    }
}

#[test]
fn a_socket_in_use_is_refused_and_one_left_behind_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("card.sock");
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    let server = listen(&socket);
    let device = Arc::new(Mutex::new(Device::new(card())));
    assert!(Server::listen(device, &socket).is_err());
    Reader::at(&socket).transmit(SELECT).unwrap();
    drop(server);
    assert!(!socket.exists());
}

#[test]
fn a_card_goes_to_vpcd_again_and_again() {
    let vpcd = TcpListener::bind("127.0.0.1:0").unwrap();
    let device = Arc::new(Mutex::new(Device::new(card())));
    let server = Server::connect(device, vpcd.local_addr().unwrap()).unwrap();
    server.set_absence(Duration::ZERO);
    for _ in 0..3 {
        let mut reader = Reader::accepted(vpcd.accept().unwrap().0);
        assert_eq!(reader.power_on().unwrap(), ATR);
        assert!(reader.transmit(SELECT).unwrap().ends_with(OK));
    }
    server.device().inject([Fault::on("VERSION", 1, Effect::DropBefore).unwrap()]);
    let mut reader = Reader::accepted(vpcd.accept().unwrap().0);
    assert!(reader.transmit(VERSION).is_err());
    let mut reader = Reader::accepted(vpcd.accept().unwrap().0);
    server.pull();
    assert!(reader.transmit(VERSION).is_err());
    server.insert().unwrap();
    let mut reader = Reader::accepted(vpcd.accept().unwrap().0);
    assert!(reader.transmit(SELECT).unwrap().ends_with(OK));
}
