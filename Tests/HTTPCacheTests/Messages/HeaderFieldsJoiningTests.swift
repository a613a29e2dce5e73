//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite("Sections behind one another")
struct HeaderFieldsJoiningTests {
  @Test("the fields of both are there, in order, and neither section has changed")
  func joining() {
    let first: HeaderFields = ["Content-Type": "text/plain", "X-Own": "1"]
    let second: HeaderFields = ["Cache-Status": "c; hit", "X-Own": "2", "Age": ""]
    var both = first
    both.append(contentsOf: second)
    #expect(both == ["Content-Type": "text/plain", "X-Own": "1", "Cache-Status": "c; hit", "X-Own": "2", "Age": ""])
    #expect(both.presence == first.presence | second.presence)
    #expect(both.serializedByteCount == first.serializedByteCount + second.serializedByteCount)
    #expect(first.count == 2 && second.count == 3)
    both.append("X-After", "3")
    #expect(both["x-after"] == "3" && both["cache-status"] == "c; hit")
  }

  @Test("a section behind itself, behind nothing, and nothing behind it")
  func edges() {
    var fields: HeaderFields = ["A": "1"]
    fields.append(contentsOf: fields)
    #expect(fields == ["A": "1", "A": "1"])
    fields.append(contentsOf: HeaderFields())
    #expect(fields.count == 2)
    var empty = HeaderFields()
    empty.append(contentsOf: fields)
    #expect(empty == fields)
    #expect(HeaderFields().isEmpty)
  }
}
