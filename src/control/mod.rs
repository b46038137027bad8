//! Decisions and their proof: plan, checks, clearance, order, audit record, and the ports that carry them out.
