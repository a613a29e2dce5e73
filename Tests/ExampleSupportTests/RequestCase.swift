//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import ExampleSupport

struct RequestCase: CustomTestStringConvertible, Sendable {
  let name: String
  let input: String
  let events: [String]
  var testDescription: String { name }

  init(_ name: String, _ input: String, _ events: String...) {
    self.name = name
    self.input = input
    self.events = events
  }

  /// One that is refused with `status` and nothing before it.
  init(_ name: String, _ input: String, refused status: Int) {
    self.name = name
    self.input = input
    events = ["refused \(status)"]
  }
}
