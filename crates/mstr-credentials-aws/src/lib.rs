//! Credentials for the MicroStrategy (Strategy) REST client from AWS.
