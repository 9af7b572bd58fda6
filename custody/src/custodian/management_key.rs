//! The management key.

use serde_json::json;
use signer_core::{
    ManagementKeyAlgorithm, ManagementKeyProtection, NewManagementKey, SecretKind, SecretRules,
    TouchPolicy, Tries,
};

use super::Custodian;
use crate::Result;

/// What a new management key shall be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagementKeyWish {
    /// Its cipher; else the best that the token has.
    pub algorithm: Option<ManagementKeyAlgorithm>,
    /// When it wants a touch.
    pub touch: TouchPolicy,
    /// Whether the token shall keep it, readable with the PIN.
    pub protection: ManagementKeyProtection,
}

/// The characters of a management key, as it is typed and kept.
const HEXADECIMAL: &[u8] = b"0123456789abcdef";

impl Custodian<'_> {
    /// Sets a new management key. It is in escrow before the token is told, and the token has taken
    /// it when this returns.
    ///
    /// # Errors
    /// As [`signer_core::Administration::set_management_key`].
    pub fn change_management_key(&mut self, wish: ManagementKeyWish) -> Result<()> {
        self.act("management-key.change", "the management key was changed", |it, details| {
            let before = it.administration()?.management_key()?;
            it.need_escrow(&[SecretKind::NewManagementKey])?;
            details.insert("algorithm_before".into(), json!(before.algorithm.to_string()));
            let algorithm = wish.algorithm.unwrap_or(before.best_algorithm);
            details.insert("algorithm".into(), json!(algorithm.to_string()));
            details.insert("protection".into(), json!(wish.protection.to_string()));
            it.administration()?.check_management_key(algorithm, wish.touch)?;
            // Known to be right before a new one is made and put away.
            it.administration()?.verify_management_key()?;
            let length = 2 * algorithm.key_length();
            let rules =
                SecretRules { min_length: length, max_length: length, alphabet: HEXADECIMAL };
            let key = it.secret(SecretKind::NewManagementKey, rules, Tries::Unknown)?;
            it.administration()?.set_management_key(&NewManagementKey {
                key: &key,
                algorithm,
                touch: wish.touch,
                protection: wish.protection,
            })?;
            Ok(())
        })
    }
}
