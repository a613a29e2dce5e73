//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Why a body could not be read to its end.
public enum BodyError: Error, Hashable, Sendable {
  /// There were more bytes than the reader was willing to hold.
  case exceedsLimit(Int)
  /// The body ended before (or went on behind) the length it had announced.
  case truncated(expected: Int, received: Int)
  /// This reader was so slow that it held up all the others of the same response, and was let go.
  case readerTooSlow
  /// The body had been cancelled before it was complete.
  case cancelled
}

extension BodyError: CustomStringConvertible {
  /// The value as text, for people.
  public var description: String {
    switch self {
    case .exceedsLimit(let limit): "the body is longer than the limit of \(limit) bytes"
    case .truncated(let expected, let received):
      "the body is incomplete: \(received) bytes came where \(expected) were announced"
    case .readerTooSlow: "the reader held up every other reader of this response for too long"
    case .cancelled: "the body was cancelled"
    }
  }
}
