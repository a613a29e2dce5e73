//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Events as lines, content in one piece however it arrived.
struct EventLog {
  var lines: [String] = []
  private var endsInContent = false

  mutating func add(_ line: String) {
    lines.append(line)
    endsInContent = false
  }

  mutating func addContent(_ bytes: Bytes) {
    // Octet by octet: a piece may end within a character.
    let text = String(String.UnicodeScalarView(bytes.map { UnicodeScalar($0) }))
    if endsInContent { lines[lines.count - 1] += text } else { lines.append("content " + text) }
    endsInContent = true
  }
}
