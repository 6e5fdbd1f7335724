//! Makes the link to an owner's page, as the dashboard's backend does when an owner opens the webhook settings.
//!
//! The portal's secret is read from Secrets Manager and stays in the backend; the owner gets the link alone, which opens
//! one business's page and expires within the hour.
//!
//! ```text
//! cargo run -p adapters --example link_for_owner -- BUSINESS_ID
//! ```
//!
//! `PORTAL_URL` and `PORTAL_SECRET_ARN` are the stack's outputs. AWS credentials, region and endpoint are found in the
//! ways that every AWS SDK knows.

use std::env;
use std::error::Error;
use std::time::Duration;

use adapters::process::clock;
use aws_config::BehaviorVersion;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use domain::event::BusinessId;
use domain::owner_link::PortalSecret;

/// How long a link is valid. It opens a session that ends with it, so that an owner who reads on needs another.
const VALID_FOR: Duration = Duration::from_mins(50);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let business_id = BusinessId::parse(&env::args().nth(1).ok_or("which business?")?)?;
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http).load().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&config);

    let answer = secrets.get_secret_value().secret_id(variable("PORTAL_SECRET_ARN")?).send().await?;
    let secret = answer.secret_string().and_then(PortalSecret::new).ok_or("the portal's secret is empty")?;
    println!("{}", secret.link(&variable("PORTAL_URL")?, &business_id, VALID_FOR, clock::now()));
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "an example is a program of its own, with an environment of its own")]
fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    env::var(name).map_err(|_| format!("{name} is not set").into())
}
