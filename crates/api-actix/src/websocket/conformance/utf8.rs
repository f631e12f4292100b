//! Group 6 from part 5 on: sequences that are UTF-8, and those that are not (Markus Kuhn's stress test and the characters
//! that are none).

use super::{cases, echoes, fails, frame};

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// A text of these bytes comes back.
#[track_caller]
fn good(hex: &str) {
    echoes([vec![frame(1, bytes(hex))]], &[frame(1, bytes(hex))]);
}

/// A text of these bytes fails the connection.
#[track_caller]
fn bad(hex: &str) {
    fails([vec![frame(1, bytes(hex))]], &[], 1007);
}

cases! {
    case_6_5_1: good("ceba");
    case_6_5_2: good("cebae1bdb9");
    case_6_5_3: good("cebae1bdb9cf83");
    case_6_5_4: good("cebae1bdb9cf83cebc");
    case_6_5_5: good("cebae1bdb9cf83cebcceb5");
    case_6_6_1: bad("ce");
    case_6_6_2: good("ceba");
    case_6_6_3: bad("cebae1");
    case_6_6_4: bad("cebae1bd");
    case_6_6_5: good("cebae1bdb9");
    case_6_6_6: bad("cebae1bdb9cf");
    case_6_6_7: good("cebae1bdb9cf83");
    case_6_6_8: bad("cebae1bdb9cf83ce");
    case_6_6_9: good("cebae1bdb9cf83cebc");
    case_6_6_10: bad("cebae1bdb9cf83cebcce");
    case_6_6_11: good("cebae1bdb9cf83cebcceb5");
    case_6_7_1: good("00");
    case_6_7_2: good("c280");
    case_6_7_3: good("e0a080");
    case_6_7_4: good("f0908080");
    case_6_8_1: bad("f888808080");
    case_6_8_2: bad("fc8480808080");
    case_6_9_1: good("7f");
    case_6_9_2: good("dfbf");
    case_6_9_3: good("efbfbf");
    case_6_9_4: good("f48fbfbf");
    case_6_10_1: bad("f7bfbfbf");
    case_6_10_2: bad("fbbfbfbfbf");
    case_6_10_3: bad("fdbfbfbfbfbf");
    case_6_11_1: good("ed9fbf");
    case_6_11_2: good("ee8080");
    case_6_11_3: good("efbfbd");
    case_6_11_4: good("f48fbfbf");
    case_6_11_5: bad("f4908080");
    case_6_12_1: bad("80");
    case_6_12_2: bad("bf");
    case_6_12_3: bad("80bf");
    case_6_12_4: bad("80bf80");
    case_6_12_5: bad("80bf80bf");
    case_6_12_6: bad("80bf80bf80");
    case_6_12_7: bad("80bf80bf80bf");
    case_6_12_8: bad(concat!("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"));
    case_6_13_1: bad("c020c120c220c320c420c520c620c720c820c920ca20cb20cc20cd20ce20cf20d020d120d220d320d420d520d620d720d820d920da20db20dc20dd20de20df20");
    case_6_13_2: bad("e020e120e220e320e420e520e620e720e820e920ea20eb20ec20ed20ee20ef20");
    case_6_13_3: bad("f020f120f220f320f420f520f620f720");
    case_6_13_4: bad("f820f920fa20fb20");
    case_6_13_5: bad("fc20fd20");
    case_6_14_1: bad("c0");
    case_6_14_2: bad("e080");
    case_6_14_3: bad("f08080");
    case_6_14_4: bad("f8808080");
    case_6_14_5: bad("fc80808080");
    case_6_14_6: bad("df");
    case_6_14_7: bad("efbf");
    case_6_14_8: bad("f7bfbf");
    case_6_14_9: bad("fbbfbfbf");
    case_6_14_10: bad("fdbfbfbfbf");
    case_6_15_1: bad("c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf");
    case_6_16_1: bad("fe");
    case_6_16_2: bad("ff");
    case_6_16_3: bad("fefeffff");
    case_6_17_1: bad("c0af");
    case_6_17_2: bad("e080af");
    case_6_17_3: bad("f08080af");
    case_6_17_4: bad("f8808080af");
    case_6_17_5: bad("fc80808080af");
    case_6_18_1: bad("c1bf");
    case_6_18_2: bad("e09fbf");
    case_6_18_3: bad("f08fbfbf");
    case_6_18_4: bad("f887bfbfbf");
    case_6_18_5: bad("fc83bfbfbfbf");
    case_6_19_1: bad("c080");
    case_6_19_2: bad("e08080");
    case_6_19_3: bad("f0808080");
    case_6_19_4: bad("f880808080");
    case_6_19_5: bad("fc8080808080");
    case_6_20_1: bad("eda080");
    case_6_20_2: bad("edadbf");
    case_6_20_3: bad("edae80");
    case_6_20_4: bad("edafbf");
    case_6_20_5: bad("edb080");
    case_6_20_6: bad("edbe80");
    case_6_20_7: bad("edbfbf");
    case_6_21_1: bad("eda080edb080");
    case_6_21_2: bad("eda080edbfbf");
    case_6_21_3: bad("edadbfedb080");
    case_6_21_4: bad("edadbfedbfbf");
    case_6_21_5: bad("edae80edb080");
    case_6_21_6: bad("edae80edbfbf");
    case_6_21_7: bad("edafbfedb080");
    case_6_21_8: bad("edafbfedbfbf");
    case_6_22_1: good("efbfbe");
    case_6_22_2: good("efbfbf");
    case_6_22_3: good("f09fbfbe");
    case_6_22_4: good("f09fbfbf");
    case_6_22_5: good("f0afbfbe");
    case_6_22_6: good("f0afbfbf");
    case_6_22_7: good("f0bfbfbe");
    case_6_22_8: good("f0bfbfbf");
    case_6_22_9: good("f18fbfbe");
    case_6_22_10: good("f18fbfbf");
    case_6_22_11: good("f19fbfbe");
    case_6_22_12: good("f19fbfbf");
    case_6_22_13: good("f1afbfbe");
    case_6_22_14: good("f1afbfbf");
    case_6_22_15: good("f1bfbfbe");
    case_6_22_16: good("f1bfbfbf");
    case_6_22_17: good("f28fbfbe");
    case_6_22_18: good("f28fbfbf");
    case_6_22_19: good("f29fbfbe");
    case_6_22_20: good("f29fbfbf");
    case_6_22_21: good("f2afbfbe");
    case_6_22_22: good("f2afbfbf");
    case_6_22_23: good("f2bfbfbe");
    case_6_22_24: good("f2bfbfbf");
    case_6_22_25: good("f38fbfbe");
    case_6_22_26: good("f38fbfbf");
    case_6_22_27: good("f39fbfbe");
    case_6_22_28: good("f39fbfbf");
    case_6_22_29: good("f3afbfbe");
    case_6_22_30: good("f3afbfbf");
    case_6_22_31: good("f3bfbfbe");
    case_6_22_32: good("f3bfbfbf");
    case_6_22_33: good("f48fbfbe");
    case_6_22_34: good("f48fbfbf");
    case_6_23_1: good("efbfb9");
    case_6_23_2: good("efbfba");
    case_6_23_3: good("efbfbb");
    case_6_23_4: good("efbfbc");
    case_6_23_5: good("efbfbd");
    case_6_23_6: good("efbfbe");
    case_6_23_7: good("efbfbf");
}
