//! The journal of everything a key did: durable, hash-chained, with unique serials and device ids.
