// The way back and forward never leads to a form that was sent: its answer stands under the nearest address that a link leads to, and a reload asks for that.
'use strict';
(() => {
  const LINKS = ['/', '/ca-ngay', '/tiep-tuc', '/kiem-tra-lai', '/dang-nhap', '/tai-khoan', '/ban', '/ghep', '/gia-han', '/bao-phu', '/help'];
  let path = location.pathname;
  while (!LINKS.includes(path)) path = path.slice(0, path.lastIndexOf('/')) || '/';
  history.replaceState(null, '', path + location.search + location.hash);
})();
