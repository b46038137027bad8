//! Judgements over facts. Pure.
