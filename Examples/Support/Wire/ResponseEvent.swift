//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// A part of a response, as the parser finds it in its input.
enum ResponseEvent: Hashable, Sendable {
  case informational(InformationalResponse)
  case head(ResponseHead)
  case body(Bytes)
  case end(trailers: HeaderFields?)
}
