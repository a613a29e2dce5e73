//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleSupport
import HTTPCache

/// The value of `--set-cookie`.
enum SetCookieHandling: String, CaseIterable, Sendable {
  case store, strip, refuse

  var rule: SetCookieRule {
    switch self {
    case .store: .whenExplicit
    case .strip: .strip
    case .refuse: .refuse
    }
  }
}

extension OptionKind where Value == SetCookieHandling {
  static var setCookieHandling: OptionKind {
    OptionKind("store, strip or refuse", describe: { $0.rawValue }, read: { SetCookieHandling(rawValue: $0) })
  }
}
