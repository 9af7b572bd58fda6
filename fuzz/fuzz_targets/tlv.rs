#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| touchmark_tests::fuzz::tlv(data));
