//! Files and folders of objects, as `kubectl get -o yaml` and must-gather leave them: YAML or JSON, many documents, lists.
//! Read as a stream: memory is bounded by the largest object.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::Value;

use super::dump_parse;
use super::dump_split::{Spent, Splitter};
use crate::domain::text::Text;
use crate::domain::warning::Warning;

/// Folders in each other; a must-gather has about eight.
const DEPTH_MAX: usize = 32;

/// Files of all folders together; a must-gather of a large cluster has some ten thousand.
const FILES_MAX: usize = 200_000;

/// Problems kept; a thousand broken files are told by their number.
const PROBLEMS_MAX: usize = 200;

/// What is read of a folder.
const ENDS: [&str; 3] = ["yaml", "yml", "json"];

/// First bytes of files that are compressed or otherwise no text, and what to do.
const NO_TEXT: [(&[u8], &str); 7] = [
    (b"\x1f\x8b", "compressed with gzip: unpack it first (gunzip, tar xzf)"),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (b"\xfd7zXZ", "compressed with xz: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it first"),
    (b"BZh", "compressed with bzip2: unpack it first"),
    (b"\xff\xfe", "UTF-16: save it as UTF-8"),
    (b"\xfe\xff", "UTF-16: save it as UTF-8"),
];

/// How reading went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files that were opened.
    pub files: usize,
    /// Objects that were handed over.
    pub objects: u64,
    /// What could not be read, each with its place.
    pub problems: Vec<Warning>,
    /// How many more problems there were.
    pub problems_left_out: u64,
}

impl Report {
    fn problem(&mut self, place: &Text, line: u64, what: &str) {
        if self.problems.len() >= PROBLEMS_MAX {
            self.problems_left_out += 1;
            return;
        }
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        self.problems.push(Warning { line, ..Warning::whole(place, what) });
    }
}

/// Takes objects with the file they stand in.
pub type Sink<'a> = &'a mut dyn FnMut(&Text, Value);

/// Reads what a path names: a file, a folder with all in it, or `-` for `stdin`.
pub fn read(path: &Path, stdin: &mut dyn Read, sink: Sink<'_>) -> Report {
    let mut report = Report::default();
    if path == Path::new("-") {
        stream(&Text::clean("standard input"), stdin, sink, &mut report);
        return report;
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => folder(path, sink, &mut report),
        Ok(_) => file(path, sink, &mut report),
        Err(error) => report.problem(&name(path), 0, &words(&error)),
    }
    report
}

fn name(path: &Path) -> Text {
    Text::clean(&path.display().to_string())
}

/// What the system says, without its number.
fn words(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        "no such file or folder".to_owned()
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        "no permission to read it".to_owned()
    } else {
        format!("cannot be read: {error}")
    }
}

/// In the order of their names, so that two runs say the same. Links to folders are not followed: they may lead round.
fn folder(top: &Path, sink: Sink<'_>, report: &mut Report) {
    let mut open: Vec<(PathBuf, usize)> = vec![(top.to_owned(), 0)];
    let before = report.files;
    while let Some((path, depth)) = open.pop() {
        if path.is_dir() {
            if depth > DEPTH_MAX {
                report.problem(&name(&path), 0, "more folders in each other than are followed");
                continue;
            }
            open.extend(entries(&path, report).into_iter().rev().map(|entry| (entry, depth + 1)));
        } else if report.files - before >= FILES_MAX {
            let what = format!("the first {FILES_MAX} files of the folder were read, no more");
            report.problem(&name(top), 0, &what);
            return;
        } else {
            file(&path, &mut *sink, report);
        }
    }
    if report.files == before {
        report.problem(&name(top), 0, "no file that ends in .yaml, .yml or .json");
    }
}

/// Folders and readable files of a folder, by name.
fn entries(path: &Path, report: &mut Report) -> Vec<PathBuf> {
    let listed = match fs::read_dir(path) {
        Ok(listed) => listed,
        Err(error) => {
            report.problem(&name(path), 0, &words(&error));
            return Vec::new();
        }
    };
    let mut found: Vec<PathBuf> = listed
        .flatten()
        .filter_map(|entry| {
            let (path, kind) = (entry.path(), entry.file_type().ok()?);
            let end = path.extension().and_then(|end| end.to_str());
            let is_named = end.is_some_and(|end| ENDS.contains(&end.to_ascii_lowercase().as_str()));
            let is_file = kind.is_file() || kind.is_symlink() && path.is_file();
            (kind.is_dir() || is_named && is_file).then_some(path)
        })
        .take(FILES_MAX)
        .collect();
    found.sort();
    found
}

fn file(path: &Path, sink: Sink<'_>, report: &mut Report) {
    let place = name(path);
    match File::open(path) {
        Ok(mut input) => stream(&place, &mut input, sink, report),
        Err(error) => report.problem(&place, 0, &words(&error)),
    }
}

/// Reads all documents of one input. A broken one is told, and the next one read.
fn stream(place: &Text, input: &mut dyn Read, sink: Sink<'_>, report: &mut Report) {
    report.files += 1;
    let spent = Spent::default();
    let mut splitter = Splitter::new(input, Rc::clone(&spent));
    if let Err((line, why)) = documents(place, &mut splitter, &spent, (sink, report)) {
        report.problem(place, line, &why);
    }
}

fn documents<R: Read>(
    place: &Text,
    splitter: &mut Splitter<R>,
    spent: &Spent,
    (sink, report): (Sink<'_>, &mut Report),
) -> Result<(), (u64, String)> {
    let head = splitter.peek().map_err(|error| (0, words(&error)))?;
    if head.is_empty() {
        return Err((0, "empty".to_owned()));
    }
    if let Some((_, what)) = NO_TEXT.iter().find(|(start, _)| head.starts_with(start)) {
        return Err((0, format!("neither YAML nor JSON but {what}")));
    }
    if head.contains(&0) {
        return Err((0, "neither YAML nor JSON but binary".to_owned()));
    }
    splitter.skip_mark().map_err(|error| (0, words(&error)))?;
    loop {
        let line = splitter.line();
        let Some(head) = splitter.next().map_err(|error| (line, words(&error)))? else {
            return Ok(());
        };
        let mut count = 0_u64;
        let read = dump_parse::document(head, splitter, spent, &mut |object| {
            count += 1;
            sink(place, object);
        });
        report.objects += count;
        if let Err(broken) = read {
            let kept = match count {
                0 => "nothing of this document was read".to_owned(),
                1 => "one object of this document was read before".to_owned(),
                count => format!("{count} objects of this document were read before"),
            };
            report.problem(place, broken.line, &format!("{}; {kept}", broken.why));
        }
        splitter.skip().map_err(|error| (splitter.line(), words(&error)))?;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::dump_split::ITEM_BYTES_MAX;
    use super::*;

    /// Endless, or very long: one piece, many times, with something before and after.
    struct Long<'a> {
        pieces: Box<dyn Iterator<Item = &'static [u8]> + 'a>,
        open: &'static [u8],
        given: &'a Cell<u64>,
    }

    impl<'a> Long<'a> {
        fn new(
            (head, piece, tail): (&'static [u8], &'static [u8], &'static [u8]),
            times: usize,
            given: &'a Cell<u64>,
        ) -> Self {
            let pieces = std::iter::repeat_n(piece, times).chain([tail]);
            Self { pieces: Box::new(pieces), open: head, given }
        }
    }

    impl Read for Long<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            while self.open.is_empty() {
                match self.pieces.next() {
                    Some(piece) => self.open = piece,
                    None => return Ok(0),
                }
            }
            let count = self.open.read(out)?;
            self.given.set(self.given.get() + count as u64);
            Ok(count)
        }
    }

    #[test]
    fn objects_of_a_long_list_come_out_while_it_is_read() {
        let yaml: (&[u8], &[u8], &[u8]) = (
            b"apiVersion: v1\nitems:\n",
            b"- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n",
            b"kind: List\n",
        );
        let json: (&[u8], &[u8], &[u8]) =
            (b"{\"items\":[", b"{\"kind\":\"ConfigMap\"},\n", b"{\"kind\":\"Last\"}]}");
        for text in [yaml, json] {
            let given = Cell::new(0);
            let mut input = Long::new(text, 20_000, &given);
            let mut count = 0_u64;
            let report = read(Path::new("-"), &mut input, &mut |_, _| {
                count += 1;
                let behind = given.get().saturating_sub(count * text.1.len() as u64);
                assert!(behind < 256 << 10, "{behind} bytes are read and not handed over");
            });
            assert_eq!(report.problems, []);
            assert!(report.objects >= 20_000);
        }
    }

    #[test]
    fn an_object_beyond_all_measure_is_told_and_the_next_document_read() {
        for (head, piece) in
            [(&b"a: \""[..], &b"xxxxxxxxxxxxxxxx"[..]), (b"{\"a\":[", b"[],[],[],")]
        {
            let given = Cell::new(0);
            let times = 2 * usize::try_from(ITEM_BYTES_MAX).expect("it fits") / piece.len();
            let mut input = Long::new((head, piece, b"\n---\nkind: Next\n"), times, &given);
            let mut kinds = Vec::new();
            let mut sink = |_: &Text, object: Value| kinds.push(object["kind"].clone());
            let report = read(Path::new("-"), &mut input, &mut sink);
            let what = report.problems[0].what.as_str();
            assert!(what.contains("an object of more than 8 MiB"), "{what}");
            assert_eq!(kinds, ["Next"]);
        }
    }

    #[test]
    fn items_without_a_kind_have_that_of_their_list_wherever_it_stands() {
        for text in [
            "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{}}]}",
            "items:\n- metadata: {}\nkind: PodList\napiVersion: v1\n",
            "\u{feff}apiVersion: v1\nkind: PodList\nitems: [{metadata: {}}]\n",
            "--- {\"kind\":\"Pod\",\"apiVersion\":\"v1\"}\n...\n",
        ] {
            let mut found = Vec::new();
            let mut sink = |_: &Text, object: Value| {
                found.push((object["kind"].clone(), object["apiVersion"].clone()));
            };
            let report = read(Path::new("-"), &mut text.as_bytes(), &mut sink);
            assert_eq!(report.problems, [], "{text}");
            assert_eq!(found, [("Pod".into(), "v1".into())], "{text}");
        }
    }
}
