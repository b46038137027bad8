//! A file of objects, cut at the lines that end a YAML document (`---`, `...`), so that never more than a few
//! kilobytes of it are in memory, and one broken document does not cost the next.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Most bytes of one object. etcd takes no object above 1.5 MiB; as YAML with its indentation it may be a few times that.
pub(super) const ITEM_BYTES_MAX: u64 = 8 << 20;

/// What is said of an object that is too large.
pub(super) fn too_large() -> String {
    format!("an object of more than {} MiB", ITEM_BYTES_MAX >> 20)
}

/// What is read at once. A line of blanks longer than this is taken for content.
const BUFFER_BYTES: usize = 64 << 10;

/// Where a document begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The line of its first content, from 1.
    pub(super) line: u64,
    /// Its first byte that is no blank.
    pub(super) first: u8,
}

/// Bytes since the last whole object, shared with whoever finishes objects.
pub(super) type Spent = Rc<Cell<u64>>;

/// Reads one document at a time. While it is read from, it ends where the document ends.
#[expect(
    clippy::struct_excessive_bools,
    reason = "the end of the input, and of a line: independent"
)]
pub(super) struct Splitter<R> {
    input: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    is_over: bool,
    at_line_start: bool,
    line: u64,
    spent: Spent,
}

impl<R: Read> Splitter<R> {
    pub(super) fn new(input: R, spent: Spent) -> Self {
        Self {
            input,
            buffer: vec![0; BUFFER_BYTES].into(),
            start: 0,
            end: 0,
            is_over: false,
            at_line_start: true,
            line: 1,
            spent,
        }
    }

    /// The line that is read next, from 1.
    pub(super) const fn line(&self) -> u64 {
        self.line
    }

    /// The first bytes, without reading on; at most what is read at once.
    pub(super) fn peek(&mut self) -> io::Result<&[u8]> {
        self.fill(BUFFER_BYTES)?;
        Ok(self.available())
    }

    /// Passes over a byte order mark.
    pub(super) fn skip_mark(&mut self) -> io::Result<()> {
        if self.peek()?.starts_with(b"\xef\xbb\xbf") {
            self.start += 3;
        }
        Ok(())
    }

    fn available(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Has at least so many bytes in the buffer, unless the input ends before.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        while !self.is_over && self.end - self.start < wanted.min(BUFFER_BYTES) {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            let Some(room) = self.buffer.get_mut(self.end..) else { break };
            match self.input.read(room) {
                Ok(0) => self.is_over = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether a line that ends a document comes next.
    fn is_at_marker(&mut self) -> io::Result<bool> {
        if !self.at_line_start {
            return Ok(false);
        }
        self.fill(4)?;
        let is_marker = match self.available() {
            [b'-', b'-', b'-', rest @ ..] | [b'.', b'.', b'.', rest @ ..] => {
                rest.first().is_none_or(u8::is_ascii_whitespace)
            }
            _ => false,
        };
        Ok(is_marker)
    }

    fn pass(&mut self, count: usize) {
        let passed = self.available().get(..count).unwrap_or_default();
        // One less than there are pieces between them.
        let breaks = passed.split(|byte| *byte == b'\n').count() - 1;
        let last = passed.last();
        if let Some(last) = last {
            self.at_line_start = *last == b'\n';
        }
        self.line += breaks as u64;
        self.start = (self.start + count).min(self.end);
    }

    /// Up to the end of the line, or all that is in the buffer.
    fn rest_of_line(&self) -> usize {
        let bytes = self.available();
        bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1)
    }

    /// Goes to the next document that has content, past blank lines, comments and directives.
    pub(super) fn next(&mut self) -> io::Result<Option<Head>> {
        loop {
            if self.is_at_marker()? {
                self.pass(3);
                continue;
            }
            self.fill(1)?;
            if self.available().is_empty() {
                return Ok(None);
            }
            if !self.available().contains(&b'\n') {
                self.fill(BUFFER_BYTES)?;
            }
            let count = self.rest_of_line();
            let line = self.available().get(..count).unwrap_or_default();
            let is_directive = self.at_line_start && line.starts_with(b"%");
            match line.trim_ascii_start().first() {
                Some(first) if *first != b'#' && !is_directive => {
                    return Ok(Some(Head { line: self.line, first: *first }));
                }
                _ => self.pass(count),
            }
        }
    }

    /// Passes over what is left of the document.
    pub(super) fn skip(&mut self) -> io::Result<()> {
        loop {
            if self.is_at_marker()? {
                return Ok(());
            }
            self.fill(1)?;
            match self.rest_of_line() {
                0 => return Ok(()),
                count => self.pass(count),
            }
        }
    }
}

impl<R: Read> Read for Splitter<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() || self.is_at_marker()? {
            return Ok(0);
        }
        self.fill(1)?;
        let count = self.rest_of_line().min(out.len());
        let bytes = self.available().get(..count).unwrap_or_default();
        if let Some(out) = out.get_mut(..count) {
            out.copy_from_slice(bytes);
        }
        self.pass(count);
        let spent = self.spent.get() + count as u64;
        self.spent.set(spent);
        if spent > ITEM_BYTES_MAX {
            return Err(io::Error::other(too_large()));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out one byte at a time.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = usize::from(!self.0.is_empty());
            self.0.read(&mut out[..count])
        }
    }

    fn split(input: impl Read) -> Vec<(u64, String)> {
        let spent = Spent::default();
        let mut splitter = Splitter::new(input, Rc::clone(&spent));
        let mut found = Vec::new();
        while let Some(head) = splitter.next().expect("readable") {
            let mut text = String::new();
            splitter.read_to_string(&mut text).expect("readable");
            found.push((head.line, text));
            spent.set(0);
        }
        found
    }

    #[test]
    fn documents_end_at_their_markers_wherever_the_reads_are_cut() {
        let text =
            "# head\n\n%YAML 1.2\n---\na: 1\n---x: 2\n ---\n--- # next\nb: 2\n...\n---\n---\n{}";
        let want = [
            (5, "a: 1\n---x: 2\n ---\n".to_owned()),
            (9, "b: 2\n".to_owned()),
            (13, "{}".to_owned()),
        ];
        assert_eq!(split(text.as_bytes()), want);
        assert_eq!(split(Drops(text.as_bytes())), want);
        assert_eq!(split("--- {}".as_bytes()), [(1, " {}".to_owned())]);
        assert_eq!(split("a: 1\r\n---\r\nb: 2\r\n".as_bytes()).len(), 2);
        assert!(split("".as_bytes()).is_empty());
        assert!(split("\n#\n---\n...".as_bytes()).is_empty());
    }

    #[test]
    fn what_is_left_of_a_document_can_be_passed_over() {
        let mut splitter = Splitter::new(&b"a: [\nb\n---\nc: 1\n"[..], Spent::default());
        assert_eq!(splitter.next().expect("readable"), Some(Head { line: 1, first: b'a' }));
        splitter.skip().expect("readable");
        assert_eq!(splitter.next().expect("readable"), Some(Head { line: 4, first: b'c' }));
    }

    #[test]
    fn an_object_without_end_is_refused_before_it_fills_the_memory() {
        let mut splitter = Splitter::new(io::repeat(b'x'), Spent::default());
        let read = io::copy(&mut splitter, &mut io::sink());
        assert_eq!(read.expect_err("endless").to_string(), "an object of more than 8 MiB");
    }
}
