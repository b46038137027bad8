//! Command line, settings, documents, doctor. The only floor that prints.
