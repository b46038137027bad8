//! Facts: what is known about the world, and when it was seen. Uses nothing but `std` and `jiff`.
