#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mstr_fuzz::reply_headers::check(data));
