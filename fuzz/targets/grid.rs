#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mstr_fuzz::grid::check(data));
