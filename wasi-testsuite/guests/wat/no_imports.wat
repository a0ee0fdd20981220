;; A program that asks nothing of the host.
(module (func (export "_start")))
