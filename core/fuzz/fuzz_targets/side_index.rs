#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ntfsclone_core_fuzz::side_index(data));
