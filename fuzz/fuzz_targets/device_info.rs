#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| touchmark_tests::fuzz::device_info(data));
