//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

@testable import HTTPCache

extension HeaderFields {
  static func + (first: HeaderFields, second: HeaderFields) -> HeaderFields {
    var fields = first
    fields.append(contentsOf: second)
    return fields
  }
}
