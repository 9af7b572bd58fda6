//! What a batch has minted anew already.

use std::collections::BTreeSet;

use ledger::Intent;

/// The keys and devices that a batch has minted anew. An input for one of them a second time is asked
/// for as usual: else it would supersede the certificate that the first has just got.
#[derive(Default)]
pub(super) struct Reissued {
    keys: BTreeSet<[u8; 32]>,
    devices: BTreeSet<(Option<String>, String)>,
}

impl Reissued {
    /// Whether neither the key nor the device was there before.
    pub(super) fn first(&mut self, intent: &Intent) -> bool {
        let device = intent.device_id.clone().map(|id| (intent.device_type.clone(), id));
        let new_key = self.keys.insert(*intent.subject_key.as_bytes());
        let new_device = device.is_none_or(|device| self.devices.insert(device));
        new_key && new_device
    }
}
