//! rejoin
fn main(){}
