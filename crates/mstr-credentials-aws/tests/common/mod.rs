//! A stub of the two services, and the SDK's configuration for it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

pub mod process;

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener},
    sync::{Arc, Mutex},
    thread,
};

use aws_sdk_secretsmanager::config::Credentials;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use mstr_cloud_stub::{Reply, Request, Responder, contract::Mood};
use mstr_credentials_aws::aws_config::{BehaviorVersion, Region, SdkConfig};
use serde_json::json;

pub const NAME: &str = "prod/mstr";

/// Holds one text under every name: as a secret and as a parameter.
#[derive(Clone)]
pub struct Stub {
    pub server: Responder,
    text: Arc<Mutex<String>>,
    mood: Arc<Mutex<Mood>>,
}

impl Stub {
    pub fn new() -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let mood = Arc::new(Mutex::new(Mood::Answers));
        let (shown, felt) = (Arc::clone(&text), Arc::clone(&mood));
        let server = Responder::start(move |request| {
            reply(request, &shown.lock().unwrap(), *felt.lock().unwrap())
        });
        Self { server, text, mood }
    }

    pub fn holding(text: &str) -> Self {
        let stub = Self::new();
        stub.put(text);
        stub
    }

    pub fn put(&self, text: &str) {
        text.clone_into(&mut self.text.lock().unwrap());
    }

    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

fn reply(request: &Request, text: &str, mood: Mood) -> Reply {
    let is_secret = request.header("x-amz-target") == "secretsmanager.GetSecretValue";
    match mood {
        Mood::Answers => answer(request, text),
        Mood::Denies => error("AccessDeniedException", "User: dave is not authorized"),
        Mood::NotFound if is_secret => error("ResourceNotFoundException", "can't find it"),
        Mood::NotFound => error("ParameterNotFound", ""),
        Mood::Garbles if is_secret => amz(200, format!("{{\"SecretString\": \"{text}")),
        Mood::Garbles => amz(200, format!("{{\"Parameter\": {{\"Value\": \"{text}")),
        Mood::Hangs => Reply::never(),
        other => panic!("{other:?}"),
    }
}

/// What the service answers. A name with `missing` in it does not exist, `binary:XX` holds bytes.
fn answer(request: &Request, text: &str) -> Reply {
    let asked = request.json();
    let parameter = |name: &str| json!({"Name": name, "Value": text, "Type": "SecureString"});
    let body = match request.header("x-amz-target") {
        "secretsmanager.GetSecretValue" => match asked["SecretId"].as_str() {
            Some("binary:text") => json!({"SecretBinary": STANDARD.encode(text)}),
            Some("binary:bytes") => json!({"SecretBinary": STANDARD.encode([255, 0, 128])}),
            Some("nothing") => json!({"Name": "nothing"}),
            id => json!({"Name": id, "SecretString": text}),
        },
        "AmazonSSM.GetParameter" => {
            json!({"Parameter": parameter(asked["Name"].as_str().unwrap())})
        }
        "AmazonSSM.GetParametersByPath" => json!({"Parameters": [{"Name": "/f", "Value": text}]}),
        "AmazonSSM.GetParameters" => {
            let names: Vec<_> =
                asked["Names"].as_array().unwrap().iter().filter_map(|n| n.as_str()).collect();
            let (missing, there): (Vec<_>, Vec<_>) =
                names.into_iter().partition(|name| name.contains("missing"));
            let there: Vec<_> = there.into_iter().map(parameter).collect();
            json!({"Parameters": there, "InvalidParameters": missing})
        }
        other => panic!("no such call: {other}"),
    };
    amz(200, body.to_string())
}

pub fn amz(status: u16, body: impl Into<String>) -> Reply {
    Reply::status(status)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amzn-requestid", "0")
        .body(body.into())
}

/// A reply with an error as the services send it.
pub fn error(code: &str, message: &str) -> Reply {
    amz(400, json!({"__type": code, "message": message}).to_string())
}

/// A server that reads each request, sends these bytes and closes the connection. It lives as long
/// as the process. Returns its URL.
pub fn hangs_up_after(sent: impl Into<Vec<u8>>) -> String {
    let sent = sent.into();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            // the whole request: unread bytes would turn the end into a reset
            let mut request = Vec::new();
            let mut some = [0; 4096];
            while !is_whole(&request) {
                match stream.read(&mut some) {
                    Ok(read) if read > 0 => request.extend_from_slice(&some[..read]),
                    _ => break,
                }
            }
            // a client that went away is not of interest
            let _ = stream.write_all(&sent);
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    url
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| length.trim().parse().is_ok_and(|length| body.len() >= length))
}

/// Credentials and region by hand: nothing of the machine that runs the test is read.
pub fn sdk_config() -> SdkConfig {
    let credentials = Credentials::new("id", "key", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-1"))
        .credentials_provider(aws_sdk_secretsmanager::config::SharedCredentialsProvider::new(
            credentials,
        ))
        .build()
}
