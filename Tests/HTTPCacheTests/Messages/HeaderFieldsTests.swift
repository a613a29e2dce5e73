//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite struct HeaderFieldsTests {
  @Test func `names are compared without regard to case, and keep their spelling (RFC 9110 §5.1)`() {
    let fields: HeaderFields = ["content-TYPE": "text/plain", "X-Custom": "1"]
    #expect(fields["Content-Type"] == "text/plain")
    #expect(fields["x-custom"] == "1")
    #expect(fields.map(\.name.spelling) == ["content-TYPE", "X-Custom"])
  }

  @Test func `order and repetitions are kept (RFC 9110 §5.3)`() {
    let fields: HeaderFields = ["Set-Cookie": "a=1", "Vary": "A", "set-cookie": "b=2", "VARY": "B"]
    #expect(fields.values(of: .setCookie) == ["a=1", "b=2"])
    #expect(fields[.vary] == "A, B")
    #expect(fields.map(\.value) == ["a=1", "A", "b=2", "B"])
  }

  @Test func `setting replaces all fields of the name where the first stood`() {
    var fields: HeaderFields = ["A": "1", "B": "2", "a": "3", "C": "4"]
    fields["A"] = "x"
    #expect(fields == ["A": "x", "B": "2", "C": "4"])
    fields["D"] = "5"
    fields["B"] = nil
    #expect(fields == ["A": "x", "C": "4", "D": "5"])
    #expect(!fields.contains("B"))
  }

  @Test(
    arguments: [
      ("  padded\t", "padded"), ("split\r\nSet-Cookie: evil=1", "split  Set-Cookie: evil=1"), ("nul\0", "nul"),
      ("tab\tinside", "tab\tinside"), ("", ""), ("grün", "grün"),
    ])
  func `no value can end its line (RFC 9110 §5.5)`(given: String, kept: String) {
    var fields = HeaderFields()
    fields.append("X", given)
    #expect(fields["X"]?.trimmingTrailingSpace == kept)
    fields.withSerializedBytes { bytes in
      #expect(bytes.split(separator: UInt8(ascii: "\n")).count == 1)
    }
  }

  @Test(arguments: ["", " ", "a b", "a:", "ä", "a\r"])
  func `what is not a token is no name (RFC 9110 §5.6.2)`(text: String) {
    #expect(HeaderName(text) == nil)
    var fields = HeaderFields()
    let isAdded = Array(text.utf8).withUnsafeBytes { fields.append(name: $0, value: $0) }
    #expect(!isAdded)
    #expect(fields.isEmpty)
  }

  @Test func `copies are independent`() {
    let first: HeaderFields = ["A": "1"]
    var second = first
    second.append("B", "2")
    #expect(first == ["A": "1"])
    #expect(second == ["A": "1", "B": "2"])
  }

  @Test func `the serialised section is what HTTP/1.1 puts on the wire (RFC 9112 §5)`() {
    var fields = HeaderFields()
    for number in 0..<100 { fields.append(HeaderName("N\(number)")!, String(repeating: "v", count: number)) }
    let wire = fields.withSerializedBytes { String(decoding: $0, as: UTF8.self) }
    #expect(wire == (0..<100).map { "N\($0): \(String(repeating: "v", count: $0))\r\n" }.joined())
    #expect(wire.utf8.count == fields.serializedByteCount)
  }

  @Test(arguments: KnownHeader.allCases)
  func `every known name is recognised in any case, and its neighbours are not`(header: KnownHeader) {
    let spelling = header.spelling.description
    for text in [spelling, spelling.lowercased(), spelling.uppercased()] {
      #expect(Array(text.utf8).withUnsafeBytes { KnownHeader.recognize($0) } == header)
    }
    #expect(Array("\(spelling)x".utf8).withUnsafeBytes { KnownHeader.recognize($0) } == nil)
    var fields = HeaderFields()
    #expect(!fields.contains(header))
    fields.append(HeaderName(spelling.lowercased())!, "1")
    #expect(fields.contains(header))
  }
}

extension String {
  fileprivate var trimmingTrailingSpace: String {
    var text = self
    while text.hasSuffix(" ") { text.removeLast() }
    return text
  }
}
