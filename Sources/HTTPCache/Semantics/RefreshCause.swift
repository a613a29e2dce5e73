//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The reason why the origin was asked although something is stored.
enum RefreshCause: Hashable, Sendable {
  /// A client's request could not be answered with it, or demanded otherwise.
  case client(hasCredentials: Bool)
  /// The cache refreshes it by itself, perhaps without credentials which the client had.
  case cache(withholdsCredentials: Bool)
}
