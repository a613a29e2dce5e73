//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Thrown when a tier returns an entry that was invalidated while the tier was unreachable.
struct UndeliveredInvalidation: Error {}
