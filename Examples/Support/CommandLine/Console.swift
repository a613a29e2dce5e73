//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation

/// What the example programs print. Unbuffered: a line that is printed is seen, also through a pipe.
public enum Console {
  /// Prints `text` and a line feed.
  public static func print(_ text: String) { write(text, to: .standardOutput) }

  /// Prints `text` and a line feed to the standard error.
  public static func complain(_ text: String) { write(text, to: .standardError) }

  private static func write(_ text: String, to handle: FileHandle) {
    // A reader that has gone is no reason to fail.
    try? handle.write(contentsOf: Data("\(text)\n".utf8))
  }
}
