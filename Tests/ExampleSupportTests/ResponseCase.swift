//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

@testable import ExampleSupport

struct ResponseCase: CustomTestStringConvertible, Sendable {
  let name: String
  var method: RequestMethod = .get
  let input: String
  /// Whether the connection ends behind the input.
  var ends = false
  let events: [String]
  var testDescription: String { name }
}
