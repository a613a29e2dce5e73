//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Something that has happened on a ``Backplane``.
public enum BackplaneEvent: Sendable {
  /// A message has arrived.
  case message(BackplaneMessage)
  /// From now on messages arrive; any may have been missed before. The first event of all, and the one after an interruption.
  case joined
}
