//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// A backplane that has been opened.
public struct OpenedBackplane: Sendable {
  /// The backplane.
  public let backplane: any Backplane
  private let closing: @Sendable () async -> Void

  init(_ backplane: any Backplane, closing: @escaping @Sendable () async -> Void) {
    self.backplane = backplane
    self.closing = closing
  }

  /// Ends the connections.
  public func shutdown() async { await closing() }
}
