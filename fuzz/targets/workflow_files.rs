//! Workflow files: a file that is taken is written as one that means the same; one that is not says where it is wrong.
#![no_main]

use engine::workflow_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    match workflow_file::read_bytes(file) {
        Ok((input, _)) => {
            let written = workflow_file::write(&input);
            let (again, _) = workflow_file::read(&written).unwrap_or_else(|errors| panic!("{errors:?} in {written:?}"));
            assert_eq!(again, input);
        }
        Err(errors) => assert!(!errors.is_empty(), "it is refused without a reason"),
    }
});
