//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

extension SemanticsTests {
  @Suite("RFC 9111 §4.1: Vary")
  struct Vary {
    static func selection(_ names: [HeaderName], _ lines: [String]) -> String {
      RFC9111.selection(VarySelection(names), in: Sample.fields(lines))
    }

    @Test(
      "values that mean the same",
      arguments: [
        ("Foo", ["Foo: 1, 2"], ["Foo: 1", "foo: 2"]), ("Foo", ["Foo: 1,2"], ["Foo: 1 ,  2"]),
        ("Foo", ["Foo: 1"], ["Foo:   1  "]), ("Foo", ["Bar: 1"], ["Bar: 2"]), ("Foo", [], []),
        ("Accept-Language", ["Accept-Language: en, de"], ["Accept-Language: de, en"]),
        ("Accept-Language", ["Accept-Language: en, de"], ["Accept-Language: DE", "Accept-Language: En"]),
        ("Accept-Language", ["Accept-Language: en-US,en;q=0.5"], ["Accept-Language: en;q=0.500 ,  EN-us;q=1.0"]),
        ("Accept-Language", ["Accept-Language: en"], ["Accept-Language: en, en;q=1, ,"]),
        ("Accept-Language", ["Accept-Language: en;q=0.5"], ["Accept-Language: en ; Q=0.5"]),
        ("Accept-Encoding", ["Accept-Encoding: gzip, br"], ["Accept-Encoding: GZIP,Br"]),
        ("Accept-Encoding", ["Accept-Encoding: gzip;q=0.5, br"], ["Accept-Encoding: BR,GZIP;q=0.50"]),
        ("Accept-Encoding", ["Accept-Encoding: gzip, br;q=0.5, a"], ["Accept-Encoding: gzip, a, br;q=0.5"]),
        ("Accept-Encoding", ["Accept-Encoding: gzip;q=0"], ["Accept-Encoding: gzip;q=0.000"]),
        ("Accept-Encoding", ["Accept-Encoding: gzip;q=1."], ["Accept-Encoding: gzip"]),
        ("Accept-Charset", ["Accept-Charset: utf-8, *;q=0.1"], ["Accept-Charset: *;q=0.10,UTF-8"]),
        ("Accept", ["Accept: text/html, */*;q=0.8"], ["Accept: */*; q=0.8, Text/HTML"]),
        ("Accept", ["Accept: text/html;level=1;q=0.5"], ["Accept: text/html; Level=1; q=0.5"]),
        ("Accept", ["Accept: a/b;x=\"1, 2;3\", c/d"], ["Accept: a/b;x=\"1, 2;3\",c/D"]),
        ("Cookie", ["Cookie: a=b; c=d"], ["Cookie: a=b", "Cookie: c=d"]),
      ] as [(HeaderName, [String], [String])])
    func same(name: HeaderName, left: [String], right: [String]) {
      #expect(Self.selection([name], left) == Self.selection([name], right))
    }

    @Test(
      "values that do not",
      arguments: [
        ("Foo", ["Foo: 1"], ["Foo: 2"]), ("Foo", ["Foo: 1"], []), ("Foo", ["Foo: "], []),
        ("Foo", ["Foo: a"], ["Foo: A"]),
        ("Foo", ["Foo: 1, 2"], ["Foo: 2, 1"]), ("Foo", ["Foo: 1,,2"], ["Foo: 1,2"]),
        ("Foo", ["Foo: a b"], ["Foo: a  b"]),
        ("Foo", ["Foo: \"a, b\""], ["Foo: \"a,b\""]), ("Foo", ["Foo: \u{E9}"], ["Foo: e\u{301}"]),
        ("Accept-Language", ["Accept-Language: en"], ["Accept-Language: de"]),
        // Many servers choose by the order of equals.
        ("Accept", ["Accept: text/html, application/json"], ["Accept: application/json, text/html"]),
        ("Accept", ["Accept: a/b;q=0.5, c/d;q=0.5"], ["Accept: c/d;q=0.5, a/b;q=0.5"]),
        ("Accept-Encoding", ["Accept-Encoding: gzip, br"], ["Accept-Encoding: br, gzip"]),
        ("Accept-Charset", ["Accept-Charset: utf-8, utf-16"], ["Accept-Charset: utf-16, utf-8"]),
        ("Accept-Language", ["Accept-Language: en"], ["Accept-Language: en;q=0.9"]),
        ("Accept-Language", ["Accept-Language: en, de;q=0.5"], ["Accept-Language: de, en;q=0.5"]),
        ("Accept-Language", ["Accept-Language: "], []),
        // What is malformed must not pass for the canonical form of something else.
        ("Accept-Encoding", ["Accept-Encoding: gzip;q=0.5"], ["Accept-Encoding: gzip;q=500"]),
        ("Accept-Encoding", ["Accept-Encoding: gzip;q=0"], ["Accept-Encoding: gzip"]),
        ("Accept-Encoding", ["Accept-Encoding: gzip;q=0.0001"], ["Accept-Encoding: gzip;q=0"]),
        ("Accept-Encoding", ["Accept-Encoding: gzip;q=2"], ["Accept-Encoding: gzip"]),
        ("Accept", ["Accept: a/b;x=Y"], ["Accept: a/b;x=y"]), ("Accept", ["Accept: a/b;x=1"], ["Accept: a/b"]),
        ("Accept", ["Accept: a/b;q=1;ext=1"], ["Accept: a/b;q=1"]),
      ] as [(HeaderName, [String], [String])])
    func different(name: HeaderName, left: [String], right: [String]) {
      #expect(Self.selection([name], left) != Self.selection([name], right))
    }

    @Test func severalFields() {
      let names: [HeaderName] = ["Foo", "Bar", "Baz"]
      let request = ["Foo: 1", "Bar: abc", "Baz: 789"]
      #expect(Self.selection(names, request) == Self.selection(names.reversed(), request.reversed()))
      #expect(Self.selection(names, request) != Self.selection(names, ["Foo: 1", "Baz: 789", "Bar: abcde"]))
      #expect(Self.selection(names, ["Foo: 1", "Baz: 2"]) == Self.selection(names, ["Baz: 2", "Foo: 1", "Other: 3"]))
      #expect(Self.selection([], request) == "")
    }

    @Test("no value can pass for another field")
    func injective() {
      let hostile = [
        nil, "", "1", "1;b=1:1", "0:;b=1:", ";b;", ":", "=", "1:1;b=1:1;", "\u{E9}", "a;b", "a,b;b=3:xyz;",
      ]
      var seen: [String: [String?]] = [:]
      for left in hostile {
        for right in hostile {
          var lines: [String] = []
          if let left { lines.append("A: \(left)") }
          if let right { lines.append("B: \(right)") }
          let text = Self.selection(["A", "B"], lines)
          if let other = seen[text] { Issue.record("\(other) and \([left, right]) are both \(text)") }
          seen[text] = [left, right]
        }
      }
    }

    @Test("octets that are not UTF-8 are told apart")
    func octets() {
      func selection(_ bytes: [UInt8]) -> String {
        var fields = HeaderFields()
        bytes.withUnsafeBytes { value in
          "Foo".withCString { _ = fields.append(name: UnsafeRawBufferPointer(start: $0, count: 3), value: value) }
        }
        return RFC9111.selection(VarySelection(["Foo"]), in: fields)
      }
      var seen: Set<[UInt8]> = []
      for first in UInt8(0x80)...0xFF {
        #expect(seen.insert(Array(selection([first]).utf8)).inserted)
        #expect(seen.insert(Array(selection([0xC3, first]).utf8)).inserted)
      }
      #expect(Set([[0xFF], [0xFE], [0xC3, 0xA9], [0xE9]].map(selection)).count == 4)
    }

    @Test func selectionsAreSerialised() throws {
      let selection = VarySelection(["Foo", "accept", "foo", "Bar"])
      #expect(selection.serialized == "accept,bar,foo")
      #expect(VarySelection(serialized: "accept,bar,foo") == selection)
      #expect(VarySelection(serialized: "foo,bar,accept,foo") == selection)
      #expect(VarySelection(serialized: "") == VarySelection.none)
      #expect(VarySelection.none.isEmpty && VarySelection.none.serialized == "")
      for text in [",", "a,", "a b", "a,,b", "é"] { #expect(VarySelection(serialized: text) == nil) }
    }

    @Test func longListsCostNoMoreThanTheirLength() {
      let members = (0..<100_000).map { "x\($0)" }.joined(separator: ",")
      let selection = Self.selection(["Accept-Language"], ["Accept-Language: \(members)"])
      #expect(selection.utf8.count > members.utf8.count)
      // Beyond the limit order counts: different text is at worst a miss.
      let few = (0..<64).map { "x\($0)" }
      #expect(
        Self.selection(["Accept-Language"], ["Accept-Language: \(few.joined(separator: ","))"])
          == Self.selection(["Accept-Language"], ["Accept-Language: \(few.reversed().joined(separator: ","))"]))
    }
  }
}
